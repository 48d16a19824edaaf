/** AWS::ElasticLoadBalancingV2::ListenerRule. */

import { stableId } from '../arn.ts';
import type { ResourceModule } from '../resource.ts';
import { actionOf, conditionsOf } from './actions.ts';
import { balancerOf } from './listener.ts';
import type { LoadBalancer } from './load-balancer.ts';

export const listenerRule: ResourceModule = {
  type: 'AWS::ElasticLoadBalancingV2::ListenerRule',
  identify(declared) {
    const listener = declared.require<string>('ListenerArn');
    const hash = stableId(`${declared.stackName}/${declared.logicalId}`, 16);
    const arn = `${listener.replace(':listener/', ':listener-rule/')}/${hash}`;
    return { ref: arn, attributes: { RuleArn: arn } };
  },
  run(declared, site) {
    const { ref: arn } = listenerRule.identify(declared, site);
    const listener = () => declared.require<string>('ListenerArn');
    const balancer = () => site.peer<LoadBalancer>(balancerOf(listener()));
    return {
      start: () =>
        balancer().setRule(arn, listener(), {
          priority: Number(declared.require('Priority')),
          conditions: conditionsOf(declared),
          action: actionOf(declared, 'Actions', balancer(), site),
        }),
      stop: () => balancer().removeRule(arn),
    };
  },
};
