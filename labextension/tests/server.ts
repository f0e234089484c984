/**
 * A server in memory, and the documents it would send.
 */
import { ServerConnection } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';

import type {
  ICatalog,
  IEnvironment,
  IExport,
  IListedPackage,
  ISearch,
  IPackages,
  IUnavailable
} from '../src/generated/wire';
import type { IApi } from '../src/api';
import { read, write } from '../src/check';
import type { Wire } from '../src/wire';
import { Words } from '../src/words';

export const words = new Words(nullTranslator.load('jupyter_envguard'), 'en');

export const digest = (digit: string) => `sha256:${digit.repeat(64)}`;

/** The JSON of one environment, as the server writes it. */
export const environmentJson = (changes: object = {}) => ({
  name: 'datasci',
  release: '2026.11',
  kernel_name: 'datasci',
  state: 'approved',
  display_name: 'Data Science',
  description: 'numpy and friends',
  language: 'python',
  expires: null,
  successor: null,
  revocation: null,
  approval: { who: 'ada', when: '2026-11-02T10:00:00Z', reason: 'Reviewed.' },
  digests: { pack: digest('a'), spec: digest('b'), manifest: digest('c') },
  packages: 3,
  current: true,
  warnings: [],
  ...changes
});

/** The JSON in the metadata of a kernel specification of ours. */
export const envguardJson = {
  environment: 'datasci',
  release: '2026.11',
  state: 'approved',
  expires: null,
  successor: null,
  digests: { pack: digest('a'), spec: digest('b'), manifest: digest('c') }
};

export const unavailableJson = (changes: object = {}) => ({
  name: 'legacy',
  release: '2024.01',
  display_name: 'Legacy',
  state: 'revoked',
  successor: null,
  contact: 'Ada, room 4',
  reasons: [{ code: 'revoked', message: 'legacy@2024.01 was revoked.', hint: 'Use datasci.' }],
  ...changes
});

export const catalogJson = (changes: object = {}) => ({
  catalog: { version: 4, expires: '2026-12-24T00:00:00Z' },
  user: 'analyst',
  environments: [environmentJson()],
  unavailable: [unavailableJson()],
  ...changes
});

export const packageJson = (name: string, changes: object = {}) => ({
  name,
  version: '1.0',
  build: 'h0_0',
  channel: 'https://conda.example/main',
  subdir: 'linux-64',
  manager: 'conda',
  url: `https://conda.example/main/linux-64/${name}-1.0-h0_0.conda`,
  sha256: 'd'.repeat(64),
  md5: '',
  license: 'BSD-3-Clause',
  size: 1_500_000,
  depends: [],
  requested: false,
  requirements: [],
  required_by: [],
  flags: [],
  ...changes
});

export const specJson = (changes: object = {}) => ({
  environment: 'datasci',
  release: '2026.11',
  spec: digest('b'),
  platform: 'linux-64',
  mixed: false,
  packages: [packageJson('numpy')],
  ...changes
});

export const searchJson = (changes: object = {}) => ({
  query: 'torch',
  matches: [
    {
      name: 'datasci',
      release: '2026.11',
      kernel_name: 'datasci',
      display_name: 'Data Science',
      state: 'approved',
      current: true,
      packages: [{ name: 'torch', version: '2.9', build: 'h0_0', manager: 'conda' }]
    }
  ],
  suggestions: ['torchvision'],
  ...changes
});

export const exportsJson = () => ({
  exports: [
    {
      format: 'explicit',
      title: 'Explicit',
      media_type: 'text/plain',
      file_name: 'datasci-2026.11-bbbbbbbb.txt',
      exact: true
    }
  ]
});

/** An id as the server makes them. */
export const requestId = (letter: string) => letter.repeat(13);

/** The JSON of one request, as the server writes it. */
export const requestJson = (changes: object = {}) => ({
  id: requestId('a'),
  kind: 'package',
  subject: 'xgboost',
  environment: 'datasci',
  release: '2026.11',
  channel: '',
  reason: 'Gradient boosting for the churn study.',
  needed_by: '',
  notebooks: [],
  state: 'open',
  created: '2026-11-20T10:00:00Z',
  decision: null,
  ...changes
});

/** The JSON of one running kernel, as the server writes it. */
export const kernelJson = (changes: object = {}) => ({
  id: 'k1',
  kernel_name: 'datasci',
  environment: 'datasci',
  release: '2026.11',
  digests: { pack: digest('a'), spec: digest('b'), manifest: digest('c') },
  state: 'approved',
  wall: { level: 'enforce', complete: true, gaps: [] },
  drift: { state: 'clean', findings: [] },
  ...changes
});

export const environment = (changes: Partial<IEnvironment> = {}): IEnvironment => ({
  ...read('Environment', environmentJson()),
  ...changes
});

export const unavailable = (changes: Partial<IUnavailable> = {}): IUnavailable => ({
  ...read('Unavailable', unavailableJson()),
  ...changes
});

export const catalog = (changes: Partial<ICatalog> = {}): ICatalog => ({
  ...read('Catalog', catalogJson({ unavailable: [] })),
  ...changes
});

export const pinned = (name: string, changes: Partial<IListedPackage> = {}): IListedPackage => ({
  ...read('ListedPackage', packageJson(name)),
  ...changes
});

export const spec = (changes: Partial<IPackages> = {}): IPackages => ({
  ...read('Packages', specJson()),
  packages: [pinned('numpy', { requested: true }), pinned('openssl'), pinned('zlib')],
  ...changes
});

/** What a search comes to that finds `matches`. */
export const searched = (changes: Partial<ISearch> = {}): ISearch => ({
  ...read('Search', searchJson({ matches: [], suggestions: [] })),
  ...changes
});

/** A wire whose other end is the test: it gives and gets what goes over it. */
export const wired = (answer: (address: string, body?: object) => unknown): Pick<Wire, 'get' | 'post'> => ({
  get: async (address, title) => read(title, await answer(address)),
  post: async (address, [sent, ask], title) => read(title, await answer(address, write(sent, ask)))
});

/** Answers with what the test has put into it; an `Error` is thrown. */
export class FakeApi implements IApi {
  answers: {
    catalog: ICatalog | Error;
    spec: IPackages | Error;
    search: ISearch | Error;
    exports: readonly IExport[] | Error;
  } = {
    catalog: catalog(),
    spec: spec(),
    search: searched(),
    exports: read('Exports', exportsJson()).exports
  };
  asked: string[] = [];

  catalog(): Promise<ICatalog> {
    this.asked.push('catalog');
    return settle(this.answers.catalog);
  }

  spec(name: string, release: string): Promise<IPackages> {
    this.asked.push(`${name}@${release}`);
    return settle(this.answers.spec);
  }

  search(query: string): Promise<ISearch> {
    this.asked.push(`search ${query}`);
    return settle(this.answers.search);
  }

  exports(name: string, release: string): Promise<readonly IExport[]> {
    this.asked.push(`exports ${name}@${release}`);
    return settle(this.answers.exports);
  }
}

const settle = <T>(answer: T | Error): Promise<T> =>
  answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);

/** Settings whose `fetch` answers without a network, and the addresses it was asked for. */
export function server(answer: () => Response | Promise<Response>): {
  settings: ServerConnection.ISettings;
  asked: string[];
} {
  const asked: string[] = [];
  const settings = ServerConnection.makeSettings({
    baseUrl: 'http://hub.example/user/analyst/',
    fetch: request => {
      asked.push(typeof request === 'string' ? request : (request as Request).url);
      return Promise.resolve(answer());
    }
  });
  return { settings, asked };
}
