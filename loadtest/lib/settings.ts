/** What a user says with `-e NAME=VALUE`, read once and checked. */

/** A number above 0. */
export function numberSetting(name: string, byDefault: number): number {
  const text = __ENV[name];
  const value = text === undefined ? byDefault : Number(text);
  if (!(value > 0)) throw new Error(`got -e ${name}=${text}, expected a number above 0`);
  return value;
}

/** A duration as k6 writes them, with one unit: `30s`, `10m`, `4h`. */
export function durationSetting(name: string, byDefault: string): string {
  const text = __ENV[name] ?? byDefault;
  secondsOf(text, name);
  return text;
}

const unitSeconds: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600 };

export function secondsOf(duration: string, name = 'duration'): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(duration) ?? [];
  if (amount === undefined || unit === undefined) {
    throw new Error(`got ${name} '${duration}', expected one like '30s', '10m' or '4h'`);
  }
  return Number(amount) * (unitSeconds[unit] ?? 0);
}

/** `name=value` pairs, as `eu-west-1=DE,us-east-1=US`. */
export function pairsSetting(name: string): [string, string][] | undefined {
  const text = __ENV[name];
  if (text === undefined || text === '') return undefined;
  return text.split(',').map((pair) => {
    const at = pair.indexOf('=');
    if (at < 1 || at === pair.length - 1) {
      throw new Error(`got '${pair}' in -e ${name}, expected name=value pairs separated by commas`);
    }
    return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
  });
}
