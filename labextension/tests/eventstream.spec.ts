import { EventReader } from '../src/eventstream';

const STREAM = [
  ': hello',
  '',
  'id: 7',
  'event: catalog',
  'data: {"version": 8}',
  '',
  'data:first',
  'data: second',
  'retry: 3',
  'nonsense',
  '',
  'event: kernel',
  '',
  'id: 8',
  'data',
  '',
  ''
];

const EXPECTED = [
  { id: '7', type: 'catalog', data: '{"version": 8}' },
  { id: '7', type: 'message', data: 'first\nsecond' },
  { id: '8', type: 'message', data: '' }
];

describe('EventReader', () => {
  it.each([
    ['LF', '\n'],
    ['CRLF', '\r\n'],
    ['CR', '\r']
  ])('reads a stream whose lines end with %s', (_, end) => {
    const reader = new EventReader();
    const events = reader.push(STREAM.join(end));
    // A CR at the very end may be half of a line break.
    expect([...events, ...reader.push(': more')]).toEqual(EXPECTED);
    expect(reader.lastId).toBe('8');
  });

  it.each(['\n', '\r\n', '\r'])('reads the same wherever the stream is cut', end => {
    const text = `${STREAM.join(end)}: more`;
    for (let cut = 0; cut <= text.length; cut++) {
      const reader = new EventReader();
      expect([...reader.push(text.slice(0, cut)), ...reader.push(text.slice(cut))]).toEqual(EXPECTED);
    }
  });

  it('reads a stream that arrives letter by letter', () => {
    const reader = new EventReader();
    expect([...STREAM.join('\r\n'), ' '].flatMap(letter => reader.push(letter))).toEqual(EXPECTED);
  });

  it('keeps no event that was not finished', () => {
    expect(new EventReader().push('data: half')).toEqual([]);
  });
});
