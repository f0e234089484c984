import fc from 'fast-check';

import { Relations, canonical } from '../src/relations';
import { pinned } from './server';

describe('Relations', () => {
  const relations = new Relations([
    pinned('pandas', { requested: true }),
    pinned('numpy', { requiredBy: ['pandas'] }),
    pinned('libblas', { requiredBy: ['numpy'] }),
    pinned('Lib_OpenBLAS', { requiredBy: ['libblas', 'orphan'] }),
    pinned('python', { requested: true, requiredBy: ['numpy', 'pandas'] }),
    pinned('orphan')
  ]);

  it('find a package however its name is written', () => {
    expect(relations.find('lib-openblas')?.name).toBe('Lib_OpenBLAS');
    expect(relations.find('flask')).toBeUndefined();
  });

  it('tell the shortest way from what somebody asked for', () => {
    expect(relations.why('lib.openblas')).toEqual(['pandas', 'numpy', 'libblas', 'Lib_OpenBLAS']);
    expect(relations.why('python')).toEqual(['python']);
    expect(relations.why('orphan')).toEqual([]);
    expect(relations.why('flask')).toEqual([]);
  });

  it('end, whatever circles there are, with a way in which each requires the next', () => {
    const graph = fc.array(
      fc.record({ by: fc.array(fc.nat(9), { maxLength: 4 }), requested: fc.boolean() }),
      {
        maxLength: 10
      }
    );
    fc.assert(
      fc.property(graph, fc.nat(9), (nodes, asked) => {
        const found = new Relations(
          nodes.map(({ by, requested }, index) =>
            pinned(`p${index}`, { requested, requiredBy: by.map(other => `p${other}`) })
          )
        );
        const way = found.why(`p${asked}`);
        if (way.length > 0) {
          expect(found.find(way[0] ?? '')?.requested).toBe(true);
          expect(way.at(-1)).toBe(`p${asked}`);
        }
        way.slice(1).forEach((name, index) => {
          expect(found.find(name)?.requiredBy).toContain(way[index]);
        });
      })
    );
  });
});

describe('canonical', () => {
  it('is the same for all ways to write a name', () => {
    expect(new Set(['Flask_Login', 'flask-login', 'FLASK.login', 'flask__login'].map(canonical)).size).toBe(
      1
    );
  });
});
