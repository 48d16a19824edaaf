/** Every resource type that means something on one machine. A type that is in no module has only a name here. */

import type { ResourceModule } from '../resource.ts';
import { bucket } from './bucket.ts';
import { bucketReplication } from './bucket-replication.ts';
import { cloudFrontFunction, vpcOrigin } from './cloudfront-names.ts';
import { dbCluster } from './db-cluster.ts';
import { dbInstance } from './db-instance.ts';
import { distribution } from './distribution.ts';
import { service } from './ecs-service.ts';
import { taskDefinition } from './ecs-task-definition.ts';
import { eventSourceMapping } from './event-source-mapping.ts';
import { globalCluster } from './global-cluster.ts';
import { healthCheck } from './health-check.ts';
import { lambdaFunction } from './lambda-function.ts';
import { lambdaAlias, lambdaVersion } from './lambda-version.ts';
import { listener } from './listener.ts';
import { listenerRule } from './listener-rule.ts';
import { loadBalancer } from './load-balancer.ts';
import { queue } from './queue.ts';
import { recordSet } from './record-set.ts';
import { replicationGroup } from './replication-group.ts';
import { scalableTarget } from './scalable-target.ts';
import { secret } from './secret.ts';
import { secretTargetAttachment } from './secret-target-attachment.ts';
import { serverlessCache } from './serverless-cache.ts';
import { subscription } from './subscription.ts';
import { targetGroup } from './target-group.ts';
import { topic } from './topic.ts';
import { trigger } from './trigger.ts';

export const modules: readonly ResourceModule[] = [
  globalCluster,
  dbCluster,
  dbInstance,
  serverlessCache,
  replicationGroup,
  secretTargetAttachment,
  secret,
  bucketReplication,
  bucket,
  topic,
  subscription,
  queue,
  cloudFrontFunction,
  vpcOrigin,
  distribution,
  eventSourceMapping,
  healthCheck,
  lambdaFunction,
  lambdaAlias,
  lambdaVersion,
  listener,
  listenerRule,
  loadBalancer,
  recordSet,
  scalableTarget,
  service,
  targetGroup,
  taskDefinition,
  trigger,
];
