/** Keeps an environment that is meant for `npm start` out of an account. */

import { CfnRule, Fn, type Stack } from 'aws-cdk-lib';

/** CloudFormation holds a template against its rules before it makes anything, and refuses this one. */
export function refuseDeploy(stack: Stack): void {
  new CfnRule(stack, 'LocalOnly', {
    assertions: [
      {
        assert: Fn.conditionEquals('local', 'deployed'),
        assertDescription: 'This environment is localOnly: run it by npm start, or deploy another one.',
      },
    ],
  });
}
