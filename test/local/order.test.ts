import { describe, expect, test } from '@jest/globals';
import { inOrder, prerequisites } from '../../local/order.ts';

describe('prerequisites', () => {
  const template = {
    Resources: {
      Queue: { Type: 'Run' },
      Policy: { Type: 'Named', Properties: { On: { 'Fn::GetAtt': ['Queue', 'Arn'] } } },
      Worker: { Type: 'Run', DependsOn: ['Policy'] },
      Alarm: { Type: 'Named', Properties: { Text: { 'Fn::Sub': '${Worker.Name}' } } },
      Lonely: { Type: 'Run' },
    },
  };
  const runs = (id: string) => (template.Resources as Record<string, { Type: string }>)[id]?.Type === 'Run';

  test('reach through what does not run, and only as far as the template says', () => {
    const order = prerequisites(template, runs);
    expect(Object.fromEntries([...order].map(([id, before]) => [id, [...before]]))).toEqual({
      Queue: [],
      Worker: ['Queue'],
      Lonely: [],
    });
  });

  test('a circle is named', () => {
    const circle = { Resources: { A: { Type: 'Run', DependsOn: 'B' }, B: { Type: 'Run', DependsOn: 'A' } } };
    expect(() => prerequisites(circle, () => true)).toThrow('resources wait for each other: A → B → A');
  });
});

describe('inOrder', () => {
  test('waits for what is before, and runs the rest at the same time', async () => {
    const log: string[] = [];
    let both = 0;
    let met!: () => void;
    const meeting = new Promise<void>((resolve) => {
      met = resolve;
    });
    await inOrder(
      new Map([
        ['c', ['a', 'b']],
        ['a', []],
        ['b', []],
      ]),
      async (key) => {
        log.push(key);
        if (key === 'c') return;
        both += 1;
        if (both === 2) met();
        await meeting;
      },
    );
    expect(log).toEqual(['a', 'b', 'c']);
  });

  test('begins nothing after a failure, and throws it once all has settled', async () => {
    const begun: string[] = [];
    const run = inOrder(
      new Map([
        ['a', []],
        ['b', ['a']],
        ['c', []],
      ]),
      async (key) => {
        begun.push(key);
        if (key === 'a') throw new Error('a failed');
      },
    );
    await expect(run).rejects.toThrow('a failed');
    expect(begun).not.toContain('b');
  });
});
