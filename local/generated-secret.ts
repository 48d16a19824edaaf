/** Secret values made as GetRandomPassword makes them ("GenerateSecretString", CloudFormation reference). */

import { randomInt } from 'node:crypto';

/** Property GenerateSecretString of a secret. */
export interface GenerateSecretString {
  readonly PasswordLength?: number;
  readonly ExcludeCharacters?: string;
  readonly ExcludeLowercase?: boolean;
  readonly ExcludeUppercase?: boolean;
  readonly ExcludeNumbers?: boolean;
  readonly ExcludePunctuation?: boolean;
  readonly IncludeSpace?: boolean;
  readonly RequireEachIncludedType?: boolean;
  /** JSON object into which the password goes under the key. */
  readonly SecretStringTemplate?: string;
  readonly GenerateStringKey?: string;
}

const alphabets = {
  lowercase: 'abcdefghijklmnopqrstuvwxyz',
  uppercase: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
  numbers: '0123456789',
  punctuation: '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~',
  space: ' ',
} as const;

/**
 * A new value.
 * @throws Error when every character is excluded, or the template is no JSON object
 */
export function generateSecret(spec: GenerateSecretString): string {
  const password = generatePassword(spec);
  const { SecretStringTemplate: template, GenerateStringKey: key } = spec;
  if (template === undefined || key === undefined) return password;
  return JSON.stringify({ ...(JSON.parse(template) as object), [key]: password });
}

function generatePassword(spec: GenerateSecretString): string {
  const length = Number(spec.PasswordLength ?? 32);
  const excluded = new Set(spec.ExcludeCharacters ?? '');
  const included = [
    !isTrue(spec.ExcludeLowercase) && alphabets.lowercase,
    !isTrue(spec.ExcludeUppercase) && alphabets.uppercase,
    !isTrue(spec.ExcludeNumbers) && alphabets.numbers,
    !isTrue(spec.ExcludePunctuation) && alphabets.punctuation,
    isTrue(spec.IncludeSpace) && alphabets.space,
  ];
  const usable = included
    .map((alphabet) => [...(alphabet || '')].filter((character) => !excluded.has(character)))
    .filter((characters) => characters.length > 0);
  const each = spec.RequireEachIncludedType === undefined || isTrue(spec.RequireEachIncludedType);
  if (usable.length === 0 || (each && length < usable.length)) {
    throw new Error(
      `GenerateSecretString: got ${length} characters of ${usable.length} types, expected at least one of each`,
    );
  }
  const all = usable.flat();
  const chosen = each ? usable.map(pick) : [];
  while (chosen.length < length) chosen.push(pick(all));
  return shuffle(chosen).join('');
}

/** Templates write booleans as such or as text. */
const isTrue = (value: unknown): boolean => String(value) === 'true';

const pick = <T>(from: readonly T[]): T => from[randomInt(from.length)]!;

function shuffle<T>(items: readonly T[]): T[] {
  const mixed = [...items];
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = randomInt(i + 1);
    [mixed[i], mixed[j]] = [mixed[j]!, mixed[i]!];
  }
  return mixed;
}
