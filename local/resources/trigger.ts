/** Custom::Trigger: invokes a function once when the template is started, and again when its code has changed. */

import type { Activity, ResourceModule } from '../resource.ts';
import type { Invokable } from './lambda-function.ts';

export const trigger: ResourceModule = {
  type: 'Custom::Trigger',
  identify: (declared) => ({ ref: declared.logicalId, attributes: {} }),
  run(declared, site): Activity {
    const execute = async () => {
      const { region, logicalId } = declared;
      const handler = declared.require<string>('HandlerArn');
      const result = await site.peer<Invokable>(handler).invoke({});
      if (result.ok) {
        site.events.emit(region, logicalId, 'triggered');
        return;
      }
      const { errorType, errorMessage } = result.error;
      const name = handler.split(':')[6];
      throw new Error(`function ${name} failed: ${errorType}: ${errorMessage}; npx meridian logs ${region}`);
    };
    return { start: execute, update: execute, async stop() {} };
  },
};
