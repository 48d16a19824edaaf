/** How addresses travel in variables: `host` or `host:port`. Templates write hosts only. */

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** Splits `host[:port]`; a missing port is the protocol's own. Throws on an empty host or a port that is none. */
export function parseEndpoint(text: string, defaultPort: number): Endpoint {
  const match = /^([A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(text);
  const port = match?.[2] === undefined ? defaultPort : Number(match[2]);
  if (!match?.[1] || port < 1 || port > 65535) {
    throw new Error(`got endpoint '${text}', expected host or host:port`);
  }
  return { host: match[1], port };
}
