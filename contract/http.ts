/** Paths, headers and times that infrastructure and the web service agree on. */

export const paths = {
  /** Shallow liveness: the load balancer's health check. */
  healthz: '/healthz',
  /** Readiness of the region: Route 53's health check. */
  readyz: '/readyz',
  /** `<prefix><region>` answers 200 while that neighbour region is drained. */
  drainz: '/drainz/',
  /** Answers that may depend on who asks; everything else is the same for everybody. */
  api: '/api/',
  /** Hashed client files in the assets bucket; the same files in the container under the fallback. */
  assets: '/assets/',
  fallbackAssets: '/fallback-assets/',
  /** `<prefix><region>/…` in that region's media bucket; CloudFront passes the whole path as the key. */
  media: '/media/',
} as const;

export const headers = {
  /** CloudFront's proof towards the load balancer. */
  originVerify: 'x-origin-verify',
  /** Host and address of the viewer, set at the edge for every request. */
  viewerHost: 'x-viewer-host',
  viewerAddress: 'x-viewer-address',
  /** Region and task that served an answer. */
  servedRegion: 'x-served-region',
  servedTask: 'x-served-task',
} as const;

/** Seconds. The service keeps idle connections longer than the balancer, so the balancer closes first. */
export const timeouts = {
  balancerIdle: 60,
  balancerKeepAlive: 60,
  serviceKeepAlive: 75,
  /** Targets are drained this long before their task gets SIGTERM's follow-up. */
  deregistration: 30,
  /** SIGTERM to SIGKILL; longer than the drain. */
  stop: 60,
} as const;

/** Object that drains a region while it stands in its neighbour's media bucket. */
export const drainKey = (region: string): string => `drain/${region}`;
