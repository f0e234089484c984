import fc from 'fast-check';

import { Relations, canonical, nameOf } from '../src/relations';
import { pinned } from './server';

describe('Relations', () => {
  const relations = new Relations([
    pinned('pandas', {
      requested: true,
      depends: ['numpy >=1.26', 'python >=3.11,<3.12.0a0', '__glibc >=2.17']
    }),
    pinned('numpy', { depends: ['libblas >=3.9.0,<4.0a0', 'python'] }),
    pinned('libblas', { depends: ['libopenblas'] }),
    pinned('libopenblas'),
    pinned('python', { requested: true }),
    pinned('Flask_Login', { manager: 'pypi', depends: ['flask[async]>=2; python_version > "3"'] }),
    pinned('orphan')
  ]);

  it('know both directions', () => {
    expect(relations.depends('numpy')).toEqual(['libblas', 'python']);
    expect(relations.requiredBy('python')).toEqual(['pandas', 'numpy']);
    expect(relations.requiredBy('pandas')).toEqual([]);
  });

  it('find a package however its name is written, and write it as it writes itself', () => {
    expect(relations.find('flask-login')?.manager).toBe('pypi');
    expect(relations.label('flask-login')).toBe('Flask_Login');
    expect(relations.label('-glibc')).toBe('__glibc');
    expect(relations.label('never heard of')).toBe('never heard of');
  });

  it('tell the shortest way from what somebody asked for', () => {
    expect(relations.why('libopenblas')).toEqual(['pandas', 'numpy', 'libblas', 'libopenblas']);
    expect(relations.why('python')).toEqual(['python']);
    expect(relations.why('orphan')).toEqual([]);
  });

  it('end, whatever circles there are, with a way in which each requires the next', () => {
    const graph = fc.array(
      fc.record({ needs: fc.array(fc.nat(9), { maxLength: 4 }), requested: fc.boolean() }),
      {
        maxLength: 10
      }
    );
    fc.assert(
      fc.property(graph, fc.nat(9), (nodes, asked) => {
        const found = new Relations(
          nodes.map(({ needs, requested }, index) =>
            pinned(`p${index}`, { requested, depends: needs.map(other => `p${other} >=1`) })
          )
        );
        const way = found.why(`p${asked}`);
        if (way.length > 0) {
          expect(found.find(way[0] ?? '')?.requested).toBe(true);
          expect(way.at(-1)).toBe(`p${asked}`);
        }
        way.slice(1).forEach((name, index) => {
          expect(found.depends(way[index] ?? '')).toContain(name);
        });
      })
    );
  });
});

describe('nameOf', () => {
  it.each([
    ['numpy >=1.26,<2.0a0', 'numpy'],
    ['conda-forge::numpy=1.26', 'numpy'],
    ['requests[socks]>=2; python_version > "3"', 'requests'],
    ['_libgcc_mutex 0.1 main', '_libgcc_mutex'],
    ['numpy', 'numpy'],
    ['(odd)', '(odd)']
  ])('of %j is %j', (requirement, name) => {
    expect(nameOf(requirement)).toBe(name);
  });
});

describe('canonical', () => {
  it('is the same for all ways to write a name', () => {
    expect(new Set(['Flask_Login', 'flask-login', 'FLASK.login', 'flask__login'].map(canonical)).size).toBe(
      1
    );
  });
});
