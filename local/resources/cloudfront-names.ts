/** Types of CloudFront that only have a name: the distribution reads what they declare. */

import { arnOf, stableId } from '../arn.ts';
import type { ResourceModule } from '../resource.ts';

export const cloudFrontFunction: ResourceModule = {
  type: 'AWS::CloudFront::Function',
  global: true,
  identify(declared, { account }) {
    const arn = arnOf('cloudfront', '', account, `function/${declared.require<string>('Name')}`);
    return { ref: arn, attributes: { FunctionARN: arn, 'FunctionMetadata.FunctionARN': arn, Stage: 'LIVE' } };
  },
};

/** The origin's domain name is that of the load balancer, so nothing has to run for it. */
export const vpcOrigin: ResourceModule = {
  type: 'AWS::CloudFront::VpcOrigin',
  global: true,
  identify({ stackName, logicalId }, { account }) {
    const id = `vo_${stableId(`${stackName}/${logicalId}`, 22)}`;
    return {
      ref: id,
      attributes: { Id: id, Arn: arnOf('cloudfront', '', account, `vpcorigin/${id}`), Status: 'Deployed' },
    };
  },
};
