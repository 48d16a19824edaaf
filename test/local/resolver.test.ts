import { describe, expect, test } from '@jest/globals';
import type { Template } from '../../local/assembly.ts';
import { Resolver } from '../../local/resolver.ts';
import type { Declared, ResourceModule, Site } from '../../local/resource.ts';
import { account, assemblyOf, type StackFixture } from '../support/assembly.ts';

const hash = 'c'.repeat(64);

/** A bucket whose Ref is its name; it runs as far as the resolver is concerned. */
const bucket: ResourceModule = {
  type: 'AWS::S3::Bucket',
  identify: (declared) => {
    const name = declared.resolve<string>('BucketName') ?? declared.logicalId.toLowerCase();
    return { ref: name, attributes: { Arn: `arn:aws:s3:::${name}` } };
  },
  run: () => ({ start: async () => {}, stop: async () => {} }),
};

const secrets: Record<string, string> = { master: '{"username":"root","password":"p w"}', plain: 'abc' };
const site = {
  account,
  secret: (name: string) => {
    const value = secrets[name];
    if (value === undefined) throw new Error(`no secret '${name}'`);
    return value;
  },
} as Site;

function resolverOf(...stacks: StackFixture[]): Resolver {
  return new Resolver(assemblyOf(...stacks), { modules: [bucket], site: () => site });
}

const find = (resolver: Resolver, logicalId: string): Declared =>
  resolver.declared().find((one) => one.logicalId === logicalId)!;

/** The value of a property of one resource beside a bucket, in a template with everything that names can mean. */
function resolved(value: unknown, more: Template = {}): unknown {
  const template: Template = {
    Parameters: {
      Stage: { Type: 'String', Default: 'blue' },
      Zones: { Type: 'List<String>', Default: 'a,b' },
      NoDefault: { Type: 'String' },
    },
    Mappings: { Sizes: { 'eu-west-1': { small: 't' } } },
    Conditions: {
      IsBlue: { 'Fn::Equals': [{ Ref: 'Stage' }, 'blue'] },
      IsGreen: { 'Fn::Not': [{ Condition: 'IsBlue' }] },
      Both: { 'Fn::And': [{ Condition: 'IsBlue' }, { Condition: 'IsGreen' }] },
      Either: { 'Fn::Or': [{ Condition: 'IsBlue' }, { Condition: 'IsGreen' }] },
    },
    ...more,
    Resources: {
      MediaBucket9A1B: { Type: 'AWS::S3::Bucket', Properties: { BucketName: 'media' } },
      Vpc: { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: '10.0.0.0/16' } },
      Role: { Type: 'AWS::IAM::Role' },
      Odd: { Type: 'AWS::Nowhere::Thing' },
      Subject: { Type: 'AWS::ECS::TaskDefinition', Properties: { Value: value } },
      ...more.Resources,
    },
  };
  const data: StackFixture = {
    id: 'eu-west-1-data',
    template: {
      Resources: { Other: { Type: 'AWS::S3::Bucket' } },
      Outputs: {
        Name: { Value: { Ref: 'Other' }, Export: { Name: { 'Fn::Sub': '${AWS::StackName}:Name' } } },
      },
    },
  };
  return find(resolverOf(data, { id: 'eu-west-1-service', template }), 'Subject').resolve('Value');
}

describe('intrinsics', () => {
  test.each<[string, unknown, unknown]>([
    ['Ref to a resource', { Ref: 'MediaBucket9A1B' }, 'media'],
    ['Ref to a parameter', { Ref: 'Stage' }, 'blue'],
    ['Ref to a list parameter', { Ref: 'Zones' }, ['a', 'b']],
    ['Ref to a pseudo parameter', { Ref: 'AWS::Region' }, 'eu-west-1'],
    ['Fn::GetAtt as a list', { 'Fn::GetAtt': ['MediaBucket9A1B', 'Arn'] }, 'arn:aws:s3:::media'],
    ['Fn::GetAtt as a string', { 'Fn::GetAtt': 'MediaBucket9A1B.Arn' }, 'arn:aws:s3:::media'],
    ['Fn::Join', { 'Fn::Join': ['-', ['a', 1, { Ref: 'Stage' }]] }, 'a-1-blue'],
    [
      'Fn::Sub with names',
      { 'Fn::Sub': '${Stage}/${MediaBucket9A1B.Arn}/${!Kept}' },
      'blue/arn:aws:s3:::media/${Kept}',
    ],
    ['Fn::Sub with variables', { 'Fn::Sub': ['${A}${A}', { A: { Ref: 'Stage' } }] }, 'blueblue'],
    ['Fn::Select and Fn::Split', { 'Fn::Select': ['1', { 'Fn::Split': ['.', 'a.b.c'] }] }, 'b'],
    ['Fn::If', { 'Fn::If': ['IsBlue', 'yes', { Ref: 'Nobody' }] }, 'yes'],
    ['Fn::If with And', { 'Fn::If': ['Both', 'yes', 'no'] }, 'no'],
    ['Fn::If with Or', { 'Fn::If': ['Either', 'yes', 'no'] }, 'yes'],
    ['AWS::NoValue', { a: { Ref: 'AWS::NoValue' }, b: [{ Ref: 'AWS::NoValue' }, 1] }, { b: [1] }],
    ['Fn::FindInMap', { 'Fn::FindInMap': ['Sizes', { Ref: 'AWS::Region' }, 'small'] }, 't'],
    [
      'Fn::GetStackOutput',
      { 'Fn::GetStackOutput': { StackName: 'meridian-test-eu-west-1-data', OutputName: 'Name' } },
      'other',
    ],
    ['Fn::ImportValue', { 'Fn::ImportValue': 'meridian-test-eu-west-1-data:Name' }, 'other'],
    ['Fn::Base64', { 'Fn::Base64': 'hi' }, 'aGk='],
    ['a secret', '{{resolve:secretsmanager:plain}}', 'abc'],
    [
      'a field of a secret, in a join',
      { 'Fn::Join': ['', ['<{{resolve:secretsmanager:', 'master', ':SecretString:password::}}>']] },
      '<p w>',
    ],
  ])('%s', (_, value, expected) => {
    expect(resolved(value)).toEqual(expected);
  });

  test('a name of a type that only has a name is made once and stays the same', () => {
    const arn = resolved({ 'Fn::GetAtt': ['Role', 'Arn'] });
    expect(arn).toMatch(/^arn:aws:iam::111111111111:role\/meridian-test-eu-west-1-service-Role-[0-9a-f]+$/i);
    expect(resolved({ 'Fn::GetAtt': ['Role', 'Arn'] })).toBe(arn);
    expect(resolved({ 'Fn::GetAtt': ['Vpc', 'CidrBlock'] })).toBe('10.0.0.0/16');
  });
});

describe('a mistake in a template', () => {
  const where = 'eu-west-1-service, Subject (AWS::ECS::TaskDefinition), Properties.Value';
  test.each<[string, unknown, string]>([
    [
      'a name that is nearly right',
      { Ref: 'Mediabucket' },
      `${where}: Ref 'Mediabucket': no such resource in stack eu-west-1-service; did you mean 'MediaBucket9A1B'?`,
    ],
    [
      'a name like nothing',
      { Ref: 'Zebra' },
      `${where}: Ref 'Zebra': no such resource in stack eu-west-1-service`,
    ],
    [
      'deep inside',
      { a: [{ b: { Ref: 'Zebra' } }] },
      `${where}.a.0.b: Ref 'Zebra': no such resource in stack eu-west-1-service`,
    ],
    [
      'an attribute',
      { 'Fn::GetAtt': ['MediaBucket9A1B', 'Arm'] },
      `${where}: Fn::GetAtt 'MediaBucket9A1B.Arm': AWS::S3::Bucket has no such attribute here; did you mean 'Arn'?`,
    ],
    [
      'a type without a name',
      { Ref: 'Odd' },
      'eu-west-1-service, Odd (AWS::Nowhere::Thing): type AWS::Nowhere::Thing has no name on this machine: expected a module in local/resources/index.ts or an entry in local/identities.ts',
    ],
    [
      'an output',
      { 'Fn::GetStackOutput': { StackName: 'meridian-test-eu-west-1-data', OutputName: 'Nam' } },
      `${where}: output 'Nam': none in stack eu-west-1-data; did you mean 'Name'?`,
    ],
    [
      'a stack',
      { 'Fn::GetStackOutput': { StackName: 'meridian-test-eu-west-1-dat', OutputName: 'Name' } },
      `${where}: Fn::GetStackOutput 'meridian-test-eu-west-1-dat.Name': no such stack in eu-west-1; did you mean 'meridian-test-eu-west-1-data'?`,
    ],
    [
      'an import',
      { 'Fn::ImportValue': 'x' },
      `${where}: Fn::ImportValue 'x': no stack in eu-west-1 exports it`,
    ],
    [
      'a condition',
      { 'Fn::If': ['IsBlu', 1, 2] },
      `${where}.Fn::If: Condition 'IsBlu': none in stack eu-west-1-service; did you mean 'IsBlue'?`,
    ],
    ['an index', { 'Fn::Select': [3, ['a']] }, `${where}: Fn::Select: no item 3 in a list of 1`],
    [
      'a parameter without a value',
      { Ref: 'NoDefault' },
      `${where}: Ref 'NoDefault': the parameter has no default`,
    ],
    ['an unknown intrinsic', { 'Fn::Cidr': [] }, `${where}: the local run has no Fn::Cidr`],
    [
      'a secret',
      'x{{resolve:secretsmanager:gone:SecretString:a}}',
      `${where}: {{resolve:secretsmanager:gone:SecretString:a}}: no secret 'gone'`,
    ],
    [
      'a field of a secret',
      '{{resolve:secretsmanager:master:SecretString:pass}}',
      `${where}: {{resolve:secretsmanager:master:SecretString:pass}}: no field 'pass'`,
    ],
    ['another service', '{{resolve:ssm:x}}', `${where}: the local run has no {{resolve:ssm:x}}`],
  ])('%s is one sentence that says where', (_, value, message) => {
    expect(() => resolved(value)).toThrow(new Error(message));
  });

  test('names that need each other are reported with the whole circle', () => {
    const resolver = resolverOf({
      id: 'x',
      template: {
        Resources: {
          A: { Type: 'AWS::S3::Bucket', Properties: { BucketName: { Ref: 'B' } } },
          B: { Type: 'AWS::S3::Bucket', Properties: { BucketName: { Ref: 'A' } } },
        },
      },
    });
    expect(() => resolver.identity(find(resolver, 'A'))).toThrow(/its name depends on itself: A → B → A/);
    // The failure leaves nothing behind that would hide the circle the next time.
    expect(() => resolver.identity(find(resolver, 'A'))).toThrow(/A → B → A/);
  });

  test('what nobody asks for never fails', () => {
    const resolver = resolverOf({
      id: 'x',
      template: { Resources: { A: { Type: 'AWS::S3::Bucket', Properties: { Tags: { Ref: 'Zebra' } } } } },
    });
    expect(resolver.identity(find(resolver, 'A')).ref).toBe('a');
  });
});

describe('a declared resource', () => {
  const template: Template = {
    Conditions: { Never: { 'Fn::Equals': [1, 2] } },
    Resources: {
      Absent: { Type: 'AWS::S3::Bucket', Condition: 'Never' },
      Task: {
        Type: 'AWS::ECS::TaskDefinition',
        Properties: {
          ContainerDefinitions: [
            {
              Name: 'web',
              Image: { 'Fn::Sub': `\${AWS::AccountId}.dkr/assets:${hash}` },
              Broken: { Ref: 'Zebra' },
            },
          ],
        },
      },
      Service: { Type: 'AWS::S3::Bucket', Properties: { Notes: { Ref: 'Task' } } },
    },
  };
  const resolver = resolverOf({ id: 'x', template, images: { [hash]: 'asset.image' } });
  const task = find(resolver, 'Task');

  test('resolves only the path that is asked for', () => {
    expect(task.resolve('ContainerDefinitions.0.Name')).toBe('web');
    expect(task.resolve('ContainerDefinitions.1.Name')).toBeUndefined();
    expect(() => task.resolve('ContainerDefinitions')).toThrow(/Zebra/);
  });

  test('gives the folder of its asset, and says when there is none', () => {
    expect(task.asset('ContainerDefinitions.0.Image')).toMatch(/asset\.image$/);
    expect(() => task.asset('ContainerDefinitions.0.Name')).toThrow(/got "web", expected an asset/);
  });

  test('says what is missing', () => {
    expect(() => task.require('Cpu')).toThrow(
      'x, Task (AWS::ECS::TaskDefinition), Properties.Cpu: got nothing, expected a value',
    );
  });

  test('is absent when its condition does not hold', () => {
    expect(resolver.declared().map(({ logicalId }) => logicalId)).toEqual(['Task', 'Service']);
  });

  test('changes its fingerprint with a definition that it refers to', () => {
    const changed = structuredClone(template) as {
      Resources: Record<string, { Properties: Record<string, unknown> }>;
    };
    changed.Resources['Task']!.Properties['Cpu'] = 512;
    const before = resolver.fingerprint(find(resolver, 'Service'));
    const other = resolverOf({ id: 'x', template: changed as Template });
    expect(other.fingerprint(find(other, 'Service'))).not.toBe(before);
    const same = resolverOf({ id: 'x', template, images: { [hash]: 'elsewhere' } });
    expect(same.fingerprint(find(same, 'Service'))).toBe(before);
  });
});
