/** The least that `cdk synth` can do: what `bench/synth.ts` compares with. */

import { App, CfnResource, Stack } from 'aws-cdk-lib';

const stack = new Stack(new App(), 'Empty');
new CfnResource(stack, 'Handle', { type: 'AWS::CloudFormation::WaitConditionHandle' });
