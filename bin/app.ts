/**
 * What `cdk` runs: reads the context, settles the environment, builds its stacks.
 *
 * Context: `env` name of the environment (default production), `account` where it has none of its own,
 * `nag=true` to hold every resource against cdk-nag's AwsSolutions pack.
 */

import { App, Validations } from 'aws-cdk-lib';
import { ConfigurationError, resolveEnvironment } from '../config/validate.ts';
import { bundle } from '../lib/bundle.ts';
import { gallery } from '../lib/gallery.ts';
import { Meridian } from '../lib/meridian.ts';

const workload = gallery;

// No analytics: a resource that says which library made a stack would be the only one that is not the system's.
const app = new App({ analyticsReporting: false });
const context = (key: string): string | undefined => app.node.tryGetContext(key);

try {
  const environment = resolveEnvironment(
    context('env') ?? 'production',
    context('account') ?? process.env['CDK_DEFAULT_ACCOUNT'],
  );
  new Meridian(app, environment.name, {
    environment,
    workload,
    bundles: bundle(workload, environment.worker.engine),
  });
} catch (error) {
  if (!(error instanceof ConfigurationError)) throw error;
  // The operator's mistake, not the program's: the message says it all, a stack trace nothing.
  console.error(error.message);
  process.exit(1);
}
if (context('nag') === 'true') {
  const { AwsSolutionsChecks } = await import('cdk-nag');
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
}
