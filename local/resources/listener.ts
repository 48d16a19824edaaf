/** AWS::ElasticLoadBalancingV2::Listener. */

import { stableId } from '../arn.ts';
import type { ResourceModule } from '../resource.ts';
import { actionOf } from './actions.ts';
import type { LoadBalancer } from './load-balancer.ts';

/** ARN of the load balancer that a listener belongs to. */
export const balancerOf = (listenerArn: string): string =>
  listenerArn.replace(':listener/', ':loadbalancer/').replace(/\/[^/]+$/, '');

export const listener: ResourceModule = {
  type: 'AWS::ElasticLoadBalancingV2::Listener',
  identify(declared) {
    const balancer = declared.require<string>('LoadBalancerArn');
    const hash = stableId(`${declared.stackName}/${declared.logicalId}`, 16);
    const arn = `${balancer.replace(':loadbalancer/', ':listener/')}/${hash}`;
    return { ref: arn, attributes: { ListenerArn: arn } };
  },
  run(declared, site) {
    const { ref: arn } = listener.identify(declared, site);
    const balancer = () => site.peer<LoadBalancer>(declared.require<string>('LoadBalancerArn'));
    return {
      async start() {
        const protocol = declared.require<'HTTP' | 'HTTPS'>('Protocol');
        await balancer().setListener({
          arn,
          protocol,
          port: Number(declared.require('Port')),
          fallback: actionOf(declared, 'DefaultActions', balancer(), site),
        });
      },
      stop: () => balancer().removeListener(arn),
    };
  },
};
