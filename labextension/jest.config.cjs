const base = require('@jupyterlab/testing/lib/jest-config')(__dirname);

/** Packages that ship ES modules only, which Jest cannot read as they are. */
const modern = [
  '@codemirror',
  '@jupyter',
  '@jupyterlab',
  '@marijn',
  '@microsoft',
  '@rjsf',
  'color',
  'exenv-es6',
  'lib0',
  'marked',
  'nanoid',
  'vscode-ws-jsonrpc',
  'y-protocols',
  'y-websocket',
  'yjs'
];

const tsconfig = {
  allowJs: true,
  esModuleInterop: true,
  isolatedModules: true,
  jsx: 'react',
  module: 'CommonJS',
  resolveJsonModule: true,
  moduleResolution: 'Node10',
  target: 'ES2022'
};

module.exports = {
  ...base,
  collectCoverageFrom: ['src/**/*.{ts,tsx}'],
  coverageReporters: ['text'],
  moduleFileExtensions: ['ts', 'tsx', 'js', 'json', 'cjs', 'mjs'],
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/lib'],
  reporters: ['default'],
  setupFilesAfterEnv: ['<rootDir>/tests/strict.ts'],
  testRegex: '/tests/.*\\.spec\\.tsx?$',
  transform: {
    '\\.svg$': '@jupyterlab/testing/lib/jest-raw-loader.js',
    '^.+\\.[jt]sx?$': ['ts-jest', { tsconfig }]
  },
  transformIgnorePatterns: [`/node_modules/(?!(${modern.join('|')})/).+`]
};
