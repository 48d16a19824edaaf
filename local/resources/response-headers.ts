/** AWS::CloudFront::ResponseHeadersPolicy: the security headers and custom headers that it adds to answers. */

import type { AddressBook } from '../address-book.ts';
import type { ResponseHeader } from '../edge/config.ts';
import type { Declared } from '../resource.ts';

type Flag = boolean | string | undefined;

interface PolicyConfig {
  readonly SecurityHeadersConfig?: {
    readonly ContentSecurityPolicy?: { readonly ContentSecurityPolicy: string; readonly Override: Flag };
    readonly ContentTypeOptions?: { readonly Override: Flag };
    readonly FrameOptions?: { readonly FrameOption: string; readonly Override: Flag };
    readonly ReferrerPolicy?: { readonly ReferrerPolicy: string; readonly Override: Flag };
    readonly StrictTransportSecurity?: {
      readonly AccessControlMaxAgeSec: number;
      readonly IncludeSubdomains?: Flag;
      readonly Preload?: Flag;
      readonly Override: Flag;
    };
  };
  readonly CustomHeadersConfig?: {
    readonly Items?: readonly { readonly Header: string; readonly Value: string; readonly Override: Flag }[];
  };
}

const isTrue = (flag: Flag): boolean => String(flag) === 'true';

/** Names in lower case. Hosts that a content security policy names are where this machine has them. */
export function responseHeaders(policy: Declared, book: AddressBook): readonly ResponseHeader[] {
  const config = policy.require<PolicyConfig>('ResponseHeadersPolicyConfig');
  const { SecurityHeadersConfig: security = {}, CustomHeadersConfig: custom } = config;
  const { ContentSecurityPolicy, ContentTypeOptions, FrameOptions, ReferrerPolicy } = security;
  const { StrictTransportSecurity: transport } = security;
  const found: ResponseHeader[] = [];
  const add = (name: string, value: string, override: Flag) =>
    found.push({ name, value, override: isTrue(override) });
  if (ContentSecurityPolicy) {
    add(
      'content-security-policy',
      onThisMachine(ContentSecurityPolicy.ContentSecurityPolicy, book),
      ContentSecurityPolicy.Override,
    );
  }
  if (ContentTypeOptions) add('x-content-type-options', 'nosniff', ContentTypeOptions.Override);
  if (FrameOptions) add('x-frame-options', FrameOptions.FrameOption, FrameOptions.Override);
  if (ReferrerPolicy) add('referrer-policy', ReferrerPolicy.ReferrerPolicy, ReferrerPolicy.Override);
  if (transport) {
    const parts = [
      `max-age=${transport.AccessControlMaxAgeSec}`,
      ...(isTrue(transport.IncludeSubdomains) ? ['includeSubDomains'] : []),
      ...(isTrue(transport.Preload) ? ['preload'] : []),
    ];
    add('strict-transport-security', parts.join('; '), transport.Override);
  }
  for (const { Header, Value, Override } of custom?.Items ?? []) add(Header.toLowerCase(), Value, Override);
  return found;
}

/** A content security policy with the addresses of this machine for the hosts that run here. */
function onThisMachine(policy: string, book: AddressBook): string {
  return policy.replaceAll(/https:\/\/([^\s;/]+)/g, (whole, name: string) => {
    try {
      const { host, port } = book.dial(name);
      return `http://${host}:${port}`;
    } catch {
      return whole; // Not of this run.
    }
  });
}
