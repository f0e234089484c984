import { environmentProblem, packageProblem } from '../src/matchspec';

describe('packageProblem', () => {
  it.each([
    'xgboost',
    ' xgboost ',
    'xgboost>=2',
    'xgboost >=2,<3',
    'xgboost >= 2.1, < 3',
    'python=3.11',
    'numpy 2.*',
    'numpy==2.1.3=py311_0',
    'torch~=2.4|>3',
    'conda-forge::gdal',
    '_libgcc_mutex',
    'scikit-learn[extra, tests]>=1',
    'zope.interface!=5',
    'pkg===1!2.0+local'
  ])('finds nothing wrong with %s', text => {
    expect(packageProblem(text)).toBeNull();
  });

  it.each([
    ['', 'missing'],
    ['   ', 'missing'],
    ['>=2', 'name'],
    ['--help', 'name'],
    ['a/b', 'name'],
    ['naïve', 'name'],
    ['xgboost>=', 'version'],
    ['xgboost >=2,', 'version'],
    ['xgboost please', null],
    ['xgboost two words', 'version'],
    ['xgboost >=2; rm', 'version'],
    ['x'.repeat(201), 'long']
  ])('says of %j: %s', (text, problem) => {
    expect(packageProblem(text)).toBe(problem);
  });
});

describe('environmentProblem', () => {
  it.each([
    ['', 'missing'],
    ['Geospatial, with GDAL 3.9', null],
    ['x'.repeat(201), 'long']
  ])('says of %j: %s', (text, problem) => {
    expect(environmentProblem(text)).toBe(problem);
  });
});
