import { Sections } from '../src/sections';

const section = (id: string, rank: number) => ({ id, rank, title: id, Content: () => null });

describe('Sections', () => {
  it('stand in the order of their ranks, whoever came first', () => {
    const sections = new Sections();
    sections.add(section('late', 30));
    sections.add(section('early', 10));
    expect(sections.all.map(({ id }) => id)).toEqual(['early', 'late']);
  });

  it('say when one comes and when it goes', () => {
    const sections = new Sections();
    const changed = jest.fn();
    sections.changed.connect(changed);
    const added = sections.add(section('one', 10));
    added.dispose();
    added.dispose();
    expect(changed).toHaveBeenCalledTimes(2);
    expect(sections.all).toEqual([]);
  });
});
