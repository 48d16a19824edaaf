/** CloudFront's viewer-request function: what the origin must know of the viewer, and what it must not be asked. */

import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import type { Construct } from 'constructs';
import { headers } from '../../contract/http.ts';
import type { Workload } from '../workload.ts';

/**
 * Tells the service host and address of the viewer, and keeps the health checks' paths to Route 53. CloudFront gives
 * the path as it was sent and the service's router decodes it, so it is judged decoded: `/%72eadyz` is `/readyz`.
 */
export function viewerFunction(scope: Construct, id: string, web: Workload['web']): cloudfront.Function {
  const hidden = [web.livenessPath, web.readinessPath, web.drainPath];
  return new cloudfront.Function(scope, id, {
    comment: 'Viewer host and address; health paths are not for viewers',
    runtime: cloudfront.FunctionRuntime.JS_2_0,
    code: cloudfront.FunctionCode.fromInline(
      `
const hidden = ${JSON.stringify(hidden)};

function plain(uri) {
  try {
    return decodeURIComponent(uri);
  } catch (malformed) {
    return uri;
  }
}

function handler(event) {
  const request = event.request;
  const uri = plain(request.uri);
  if (hidden.some((path) => uri.startsWith(path))) {
    return { statusCode: 404, statusDescription: 'Not Found' };
  }
  request.headers['${headers.viewerHost}'] = { value: request.headers.host.value };
  request.headers['${headers.viewerAddress}'] = { value: event.viewer.ip };
  return request;
}
`.trimStart(),
    ),
  });
}
