/** CloudFormation's intrinsic functions as pure functions over a scope that knows the names. */

/** What names mean where a value stands. Each throws an Error for a name without meaning. */
export interface Scope {
  /** Where the value stands, for messages: stack, logical id and type. */
  readonly place: string;
  /** A resource, parameter or pseudo parameter; undefined for AWS::NoValue. */
  ref(name: string): unknown;
  attribute(logicalId: string, attribute: string): unknown;
  /** Definition of a condition, not yet evaluated. */
  condition(name: string): unknown;
  mapping(map: string, top: string, second: string): unknown;
  stackOutput(stackName: string, region: string | undefined, output: string): unknown;
  importValue(name: string): unknown;
  zones(region: string): readonly string[];
}

/** A template says something that has no meaning here; the message names stack, resource and property. */
export class TemplateError extends Error {
  constructor(place: string, path: readonly string[], what: string) {
    super(`${place}${path.length > 0 ? `, ${path.join('.')}` : ''}: ${what}`);
    this.name = 'TemplateError';
  }
}

type Path = readonly string[];
type Function = (argument: unknown, scope: Scope, path: Path) => unknown;

/**
 * The value with every intrinsic in it replaced; what refers to AWS::NoValue is left out.
 * @param path property names from the resource to the value
 * @throws TemplateError
 */
export function evaluate(value: unknown, scope: Scope, path: Path): unknown {
  if (Array.isArray(value)) {
    return value
      .map((item, i) => evaluate(item, scope, [...path, String(i)]))
      .filter((item) => item !== undefined);
  }
  if (typeof value !== 'object' || value === null) return value;
  const call = intrinsic(value);
  if (call) return apply(call, scope, path);
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, item]) => [key, evaluate(item, scope, [...path, key])] as const)
      .filter(([, item]) => item !== undefined),
  );
}

/** Whether a condition holds. */
export function holds(condition: unknown, scope: Scope, path: Path): boolean {
  const value = evaluate(condition, scope, path);
  if (typeof value === 'boolean') return value;
  throw new TemplateError(scope.place, path, `got ${JSON.stringify(value)}, expected a condition`);
}

/** Every logical id that a value refers to by Ref, Fn::GetAtt or Fn::Sub, whether it exists or not. */
export function references(value: unknown): Set<string> {
  const found = new Set<string>();
  const visit = (item: unknown): void => {
    if (typeof item !== 'object' || item === null) return;
    const call = Array.isArray(item) ? undefined : intrinsic(item);
    if (call?.name === 'Ref') found.add(String(call.argument));
    if (call?.name === 'Fn::GetAtt') found.add(attributeOf(call.argument)[0]);
    if (call?.name === 'Fn::Sub') {
      const text = Array.isArray(call.argument) ? call.argument[0] : call.argument;
      for (const [, name] of String(text).matchAll(substitution)) found.add(name!.split('.')[0]!);
    }
    for (const child of Object.values(item)) visit(child);
  };
  visit(value);
  return found;
}

/** The call that an object with a single key stands for. */
export function intrinsic(value: object): { readonly name: string; readonly argument: unknown } | undefined {
  const [entry, ...more] = Object.entries(value);
  if (!entry || more.length > 0) return undefined;
  const [name, argument] = entry;
  const isCall =
    name === 'Ref' || name.startsWith('Fn::') || (name === 'Condition' && typeof argument === 'string');
  return isCall ? { name, argument } : undefined;
}

function apply(call: { name: string; argument: unknown }, scope: Scope, path: Path): unknown {
  const run = Object.hasOwn(functions, call.name) ? functions[call.name] : undefined;
  const here = [...path, call.name];
  if (!run) throw new TemplateError(scope.place, path, `the local run has no ${call.name}`);
  try {
    return run(call.argument, scope, here);
  } catch (error) {
    if (error instanceof TemplateError) throw error;
    throw new TemplateError(scope.place, path, (error as Error).message);
  }
}

/** `${Name}` or `${Name.Attribute}`, not `${!Literal}`. */
const substitution = /\$\{([A-Za-z0-9:._-]+)\}/g;

const functions: Readonly<Record<string, Function>> = {
  Ref: (name, scope) => scope.ref(expectString(name, 'Ref')),

  'Fn::GetAtt': (argument, scope, path) => {
    const [logicalId, attribute] = attributeOf(argument);
    return scope.attribute(logicalId, expectString(evaluate(attribute, scope, path), 'Fn::GetAtt'));
  },

  'Fn::Join': (argument, scope, path) => {
    const [separator, list] = expectList(argument, 'Fn::Join', 2);
    const items = expectList(evaluate(list, scope, path), 'Fn::Join');
    return items.map((item) => expectScalar(item, 'Fn::Join')).join(expectString(separator, 'Fn::Join'));
  },

  'Fn::Sub': (argument, scope, path) => {
    const [text, given] = Array.isArray(argument) ? argument : [argument];
    const variables = (evaluate(given ?? {}, scope, path) ?? {}) as Record<string, unknown>;
    return expectString(text, 'Fn::Sub')
      .replace(substitution, (_, name: string) => {
        if (Object.hasOwn(variables, name)) return expectScalar(variables[name], 'Fn::Sub');
        const dot = name.indexOf('.');
        const value = dot < 0 ? scope.ref(name) : scope.attribute(name.slice(0, dot), name.slice(dot + 1));
        return expectScalar(value, `Fn::Sub \${${name}}`);
      })
      .replaceAll('${!', '${');
  },

  'Fn::Select': (argument, scope, path) => {
    const [index, list] = expectList(evaluate(argument, scope, path), 'Fn::Select', 2);
    const items = expectList(list, 'Fn::Select');
    const item = items[Number(index)];
    if (item === undefined) throw new Error(`Fn::Select: no item ${index} in a list of ${items.length}`);
    return item;
  },

  'Fn::Split': (argument, scope, path) => {
    const [separator, text] = expectList(evaluate(argument, scope, path), 'Fn::Split', 2);
    return expectString(text, 'Fn::Split').split(expectString(separator, 'Fn::Split'));
  },

  'Fn::If': (argument, scope, path) => {
    const [name, then, otherwise] = expectList(argument, 'Fn::If', 3);
    const chosen = holds({ Condition: name }, scope, path) ? then : otherwise;
    return evaluate(chosen, scope, path);
  },
  Condition: (name, scope, path) => holds(scope.condition(String(name)), scope, path),
  'Fn::Equals': (argument, scope, path) => {
    const [a, b] = expectList(evaluate(argument, scope, path), 'Fn::Equals', 2);
    return JSON.stringify(a) === JSON.stringify(b);
  },
  'Fn::And': (list, scope, path) => expectList(list, 'Fn::And').every((item) => holds(item, scope, path)),
  'Fn::Or': (list, scope, path) => expectList(list, 'Fn::Or').some((item) => holds(item, scope, path)),
  'Fn::Not': (list, scope, path) => !holds(expectList(list, 'Fn::Not', 1)[0], scope, path),

  'Fn::FindInMap': (argument, scope, path) => {
    const keys = expectList(evaluate(argument, scope, path), 'Fn::FindInMap');
    const [map, top, second] = keys.map((key) => expectScalar(key, 'Fn::FindInMap'));
    return scope.mapping(map ?? '', top ?? '', second ?? '');
  },

  'Fn::GetStackOutput': (argument, scope, path) => {
    const value = evaluate(argument, scope, path) as Record<string, unknown>;
    const region = value['Region'] === undefined ? undefined : String(value['Region']);
    return scope.stackOutput(
      expectString(value['StackName'], 'Fn::GetStackOutput StackName'),
      region,
      expectString(value['OutputName'], 'Fn::GetStackOutput OutputName'),
    );
  },
  'Fn::ImportValue': (name, scope, path) =>
    scope.importValue(expectString(evaluate(name, scope, path), 'Fn::ImportValue')),

  'Fn::GetAZs': (region, scope, path) => scope.zones(String(evaluate(region, scope, path) || '')),
  'Fn::Base64': (text, scope, path) =>
    Buffer.from(expectString(evaluate(text, scope, path), 'Fn::Base64')).toString('base64'),
};

/** `['Id', 'Attribute']` or `'Id.Attribute'`. */
function attributeOf(argument: unknown): [string, unknown] {
  if (Array.isArray(argument) && argument.length === 2) return [String(argument[0]), argument[1]];
  const text = String(argument);
  const dot = text.indexOf('.');
  if (dot < 0) throw new Error(`Fn::GetAtt: got ${JSON.stringify(argument)}, expected [resource, attribute]`);
  return [text.slice(0, dot), text.slice(dot + 1)];
}

function expectString(value: unknown, where: string): string {
  if (typeof value === 'string') return value;
  throw new Error(`${where}: got ${JSON.stringify(value)}, expected a string`);
}

function expectScalar(value: unknown, where: string): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return String(value);
  throw new Error(`${where}: got ${JSON.stringify(value)}, expected a string, number or boolean`);
}

function expectList(value: unknown, where: string, length?: number): readonly unknown[] {
  if (Array.isArray(value) && (length === undefined || value.length === length)) return value;
  const expected = length === undefined ? 'a list' : `a list of ${length}`;
  throw new Error(`${where}: got ${JSON.stringify(value)}, expected ${expected}`);
}
