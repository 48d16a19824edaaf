/** The little of a Dockerfile that says how its image is run: ENV and CMD. */

export interface Launch {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Reads the last CMD, in exec form (a JSON array), and every ENV of the form `ENV NAME=value`.
 * @throws Error when there is no such CMD
 */
export function parseDockerfile(text: string): Launch {
  let command: readonly string[] | undefined;
  const environment: Record<string, string> = {};
  // A backslash at the end joins lines.
  for (const line of text.replace(/\\\r?\n/g, ' ').split(/\r?\n/)) {
    const [, instruction, rest = ''] = /^\s*([A-Za-z]+)\s+(.*)$/.exec(line) ?? [];
    if (instruction?.toUpperCase() === 'CMD') command = execForm(rest);
    if (instruction?.toUpperCase() === 'ENV') {
      for (const [, name, quoted, plain] of rest.matchAll(/([A-Za-z_]\w*)=(?:"([^"]*)"|(\S*))/g)) {
        environment[name!] = quoted ?? plain ?? '';
      }
    }
  }
  if (!command) throw new Error('the Dockerfile has no CMD, expected one as CMD ["node", "server.mjs"]');
  return { command, environment };
}

function execForm(text: string): readonly string[] {
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value) && value.length > 0) return value.map(String);
  } catch {
    // The shell form: refused below.
  }
  throw new Error(`got CMD ${text}, expected its exec form, as CMD ["node", "server.mjs"]`);
}
