/** AWS::Lambda::Version and AWS::Lambda::Alias: other names of their function. */

import type { Declared, Naming, ResourceModule, Site } from '../resource.ts';
import type { Invokable } from './lambda-function.ts';

/** ARN of the function that a version's or alias's FunctionName property names. */
function functionArn(declared: Declared, { account }: Naming): string {
  const name = declared.require<string>('FunctionName');
  return name.startsWith('arn:') ? name : `arn:aws:lambda:${declared.region}:${account}:function:${name}`;
}

const run = (declared: Declared, site: Site): Invokable => ({
  async start() {},
  async stop() {},
  invoke: (event) => site.peer<Invokable>(functionArn(declared, site)).invoke(event),
});

export const lambdaVersion: ResourceModule<Invokable> = {
  type: 'AWS::Lambda::Version',
  identify(declared, site) {
    const arn = `${functionArn(declared, site)}:1`;
    return { ref: arn, attributes: { Version: '1', FunctionArn: arn } };
  },
  run,
};

export const lambdaAlias: ResourceModule<Invokable> = {
  type: 'AWS::Lambda::Alias',
  identify(declared, site) {
    const arn = `${functionArn(declared, site)}:${declared.require<string>('Name')}`;
    return { ref: arn, attributes: { AliasArn: arn } };
  },
  run,
};
