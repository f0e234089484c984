import { nullTranslator } from '@jupyterlab/translation';

import { Refusal } from '../src/wire';
import { Words, markOf, shortDigest } from '../src/words';
import { digest, words } from './server';

describe('markOf', () => {
  it.each(['approved', 'deprecated', 'drifted', 'revoked'])('keeps %s', state => {
    expect(markOf(state)).toBe(state);
  });

  it.each(['draft', 'in_review', 'rejected', 'archived', 'checking', 'a state of tomorrow', ''])(
    'never calls %j anything better than not available',
    state => {
      expect(markOf(state)).toBe('unavailable');
    }
  );
});

describe('Words', () => {
  it('shortens digests to what tells them apart', () => {
    expect(shortDigest(digest('a'))).toBe('aaaaaaaa');
  });

  it.each([
    [0, ''],
    [-1, ''],
    [999, '999 bytes'],
    [1_500, '1.5 kB'],
    [10_240_000, '10.2 MB'],
    [3_100_000_000, '3.1 GB'],
    [5e15, '5,000 TB']
  ])('writes %d bytes as %j', (bytes, text) => {
    expect(words.size(bytes)).toBe(text);
  });

  it('leaves a date that it cannot read as it is', () => {
    expect(words.date('soon')).toBe('soon');
    expect(words.date('2026-11-02T12:00:00Z')).toBe('Nov 2, 2026');
  });

  it('writes dates as the language of the user interface does', () => {
    const french = new Words(nullTranslator.load(''), 'fr_FR');
    expect(french.date('2026-11-02T12:00:00Z')).toBe('2 nov. 2026');
  });

  it('counts', () => {
    expect([words.count(1), words.count(2)]).toEqual(['1 package', '2 packages']);
  });

  it("prefers the server's sentence and hint", () => {
    const refusal = new Refusal('catalog-expired', 'The catalog has expired.', 'Tell an administrator.');
    expect([words.refusal(refusal), words.hint(refusal)]).toEqual([refusal.message, refusal.hint]);
  });

  it('has sentences of its own where the server could not speak', () => {
    expect(words.refusal(new Refusal('server-unreachable', 'TypeError', ''))).toBe(
      'The server does not answer.'
    );
    expect(words.hint(new Refusal('server-unreachable', '', ''))).toContain('not affected');
    for (const [code, hint] of [
      ['http-403', 'Your login has ended or the server was stopped'],
      ['http-401', 'Your login has ended or the server was stopped'],
      ['http-503', 'It was stopped or is just starting']
    ] as const) {
      expect(words.refusal(new Refusal(code, '503 Service Unavailable', ''))).toMatch(/^The server does not/);
      expect(words.hint(new Refusal(code, '', ''))).toContain(hint);
    }
    expect(words.refusal(new Refusal('answer-malformed', '/user', ''))).toContain('/user');
  });
});
