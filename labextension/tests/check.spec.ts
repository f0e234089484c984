import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import Ajv from 'ajv/dist/2020';
import * as fc from 'fast-check';

import { Malformed, read, write } from '../src/check';
import { SHAPES, type ITitles } from '../src/generated/wire';
import {
  catalogJson,
  environmentJson,
  envguardJson,
  exportsJson,
  kernelJson,
  requestJson,
  searchJson,
  specJson
} from './server';

type Title = keyof ITitles;

const FOLDER = join(__dirname, '../../jupyter_envguard/schemas');
const schemas = readdirSync(FOLDER).map(
  name => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as { $id: string; title: Title }
);

/** A checker that was not written here. */
const ajv = new Ajv({ strict: false, formats: { 'date-time': text => !Number.isNaN(Date.parse(text)) } });
ajv.addSchema(schemas);
const idOf = (title: Title) => schemas.find(schema => schema.title === title)!.$id;

const identity = { environment: 'datasci', release: '2026.11', spec: specJson().spec };
const side = { version: '1', build: '', channel: '', subdir: '', manager: 'pypi', sha256: '', license: '' };
const reason = { code: 'no-such', message: 'No.', hint: '' };
const decision = { who: 'ada', when: '2026-11-20T10:00:00Z', reason: '', release: '' };

/** One of each document, as the server writes it. */
const documents: Readonly<Partial<Record<Title, object>>> = {
  Catalog: catalogJson(),
  Comparison: {
    from: identity,
    to: identity,
    changes: [{ name: 'a', kind: 'added', from: null, to: side, license_changed: false }]
  },
  Events: { catalog: { version: 0 }, kernel: kernelJson(), request: { id: 'x', state: 'declined' } },
  Exports: exportsJson(),
  Kernels: { kernels: [kernelJson(), kernelJson({ environment: '', digests: null, state: 'unmanaged' })] },
  KernelSpec: envguardJson,
  Me: { user: 'analyst', groups: ['a'], source: 'hub' },
  NewRequest: { kind: 'package', subject: 'x', reason: 'Because I need it so.', needed_by: '2026-12-24' },
  Packages: specJson(),
  Refusal: { ...reason, fields: { subject: 'Empty.' } },
  Releases: { name: 'datasci', environments: [environmentJson()], unavailable: [] },
  Requests: { requests: [requestJson(), requestJson({ decision })] },
  Resolution: { kernel: 'x', status: 'successor', environment: environmentJson(), stamped: null, reason },
  Search: searchJson(),
  Spec: { platform: 'linux-64', mixed: false, packages: [] }
};

/** Whether `read` takes it. */
function fits(title: Title, value: unknown): boolean {
  try {
    read(title, value);
    return true;
  } catch (fault) {
    expect(fault).toBeInstanceOf(Malformed);
    return false;
  }
}

/** All places in a document, as keys to follow. */
function placesOf(value: unknown): (string | number)[][] {
  if (typeof value !== 'object' || value === null) {
    return [[]];
  }
  const below = Object.entries(value).flatMap(([key, item]) =>
    placesOf(item).map(rest => [Array.isArray(value) ? Number(key) : key, ...rest])
  );
  return [[], ...below];
}

/** The document with something else, or nothing, in one place. */
function changed(value: unknown, [key, ...rest]: readonly (string | number)[], put: unknown): unknown {
  if (key === undefined) {
    return put;
  }
  const isList = Array.isArray(value);
  const entries = Object.entries(value as object).flatMap(([name, item]: [string, unknown]) => {
    if (name !== String(key)) {
      return [[name, item] as const];
    }
    const instead = changed(item, rest, put);
    return instead === undefined ? [] : [[name, instead] as const];
  });
  return isList ? entries.map(([, item]) => item) : Object.fromEntries(entries);
}

describe('read', () => {
  it('knows every schema', () => {
    expect(Object.keys(documents).sort()).toEqual(schemas.map(({ title }) => title).sort());
    expect(schemas.filter(({ title }) => !(title in SHAPES))).toEqual([]);
  });

  const all = Object.entries(documents) as [Title, object][];

  it.each(all)('takes what the schema of %s describes', (title, document) => {
    expect(ajv.validate(idOf(title), document) || ajv.errorsText()).toBe(true);
    expect(fits(title, document)).toBe(true);
  });

  it.each(all)('and ajv agree on %s with one thing changed', (title, document) => {
    const odd = fc.constantFrom(undefined, null, '', 'x', '2026-12-24', 0, -1, 1.5, 2 ** 60, true, [], {}, [
      []
    ]);
    fc.assert(
      fc.property(fc.constantFrom(...placesOf(document)), odd, (place, put) => {
        const value = changed(document, place, put);
        // How long something may be is not looked at here.
        const faults = ajv.validate(idOf(title), value) ? [] : (ajv.errors ?? []);
        const matters = faults.filter(({ keyword }) => !/^(min|max)(Length|Items)$/.test(keyword));
        // Beyond 2 ** 53 a number is not what was sent.
        fc.pre(put !== 2 ** 60 || matters.length > 0);
        return fits(title, value) === (matters.length === 0);
      })
    );
  });

  it.each(all)('of any JSON at all as %s takes it or says where it is wrong', title => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        fits(title, value);
      })
    );
  });

  it('names the place at fault', () => {
    const bad = catalogJson({ environments: [environmentJson(), environmentJson({ packages: '3' })] });
    expect(() => read('Catalog', bad)).toThrow('/environments/1/packages');
    expect(() => read('Catalog', null)).toThrow(new Malformed(''));
    expect(() => read('Refusal', { ...reason, fields: { subject: 1 } })).toThrow('/fields/subject');
  });

  it('drops what it does not know, and takes nothing from prototypes', () => {
    expect(read('CatalogEvent', { version: 1, colour: 'green' })).toEqual({ version: 1 });
    expect(() => read('CatalogEvent', Object.create({ version: 1 }))).toThrow('/version');
    const fields = JSON.parse('{"__proto__": "x"}') as object;
    const found = read('Refusal', { ...reason, fields }).fields;
    expect(Object.getPrototypeOf(found)).toBe(Object.prototype);
  });
});

describe('write', () => {
  it.each(Object.entries(documents) as [Title, object][])(
    'gives back what was read of %s',
    (title, document) => {
      const found = JSON.parse(JSON.stringify(write(title, read(title, document)))) as unknown;
      expect(read(title, found)).toEqual(read(title, document));
    }
  );

  it('calls things as the server does', () => {
    const ask = { kind: 'package', subject: 'x', reason: 'y', neededBy: '2026-12-24' } as const;
    const { neededBy, ...rest } = ask;
    expect(write('NewRequest', ask)).toEqual({ ...rest, needed_by: neededBy });
  });
});
