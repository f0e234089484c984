import { readFileSync, readdirSync } from 'fs';
import { join } from 'path';

import { version } from '../package.json';
import schema from '../schema/preferences.json';
import { textsOf } from '../src/schematexts';
import { stringsIn, stringsOf } from './strings';

const LOCALES = join(__dirname, '../../jupyter_envguard/locale');

/** A catalogue as JupyterLab reads it: each text with one form, or with one per plural. */
type Catalogue = Record<string, string[]> & Record<'', Record<string, string>>;

const read = (locale: string): Catalogue =>
  JSON.parse(readFileSync(join(LOCALES, locale, 'LC_MESSAGES/jupyter_envguard.json'), 'utf8')) as Catalogue;

const placeholders = (text: string) => [...new Set(text.match(/%\d/g) ?? [])].sort();

/** What the editor of settings shows of ours. */
const settings = textsOf(schema as never).map(([context, text]) => ({
  key: `${context}\u0004${text}`,
  plural: null,
  where: 'schema/preferences.json'
}));

describe.each(readdirSync(LOCALES))('The catalogue %s', locale => {
  const { '': head, ...texts } = read(locale);
  const strings = new Map(
    [...stringsIn(join(__dirname, '../src')), ...settings].map(found => [found.key, found])
  );

  it('has every text of the panel', () => {
    const missing = [...strings.values()].filter(({ key }) => !texts[key]);
    expect(missing.map(({ key, where }) => `${where}: ${key}`)).toEqual([]);
  });

  it('has no text that the panel does not have any more', () => {
    expect(Object.keys(texts).filter(key => !strings.has(key))).toEqual([]);
  });

  it('has as many forms of each text as the language needs, none of them empty', () => {
    const forms = Number(/nplurals=(\d)/.exec(head['plural_forms'] ?? '')?.[1]);
    const wrong = [...strings.values()].filter(
      ({ key, plural }) => texts[key]?.length !== (plural === null ? 1 : forms) || !texts[key]?.every(Boolean)
    );
    expect(wrong.map(({ key }) => key)).toEqual([]);
  });

  it('keeps what is filled in', () => {
    const wrong = [...strings.values()].filter(({ key, plural }) =>
      (texts[key] ?? []).some(form => String(placeholders(form)) !== String(placeholders(plural ?? key)))
    );
    expect(wrong.map(({ key }) => key)).toEqual([]);
  });

  it('says what it is, in the words that JupyterLab listens to', () => {
    expect(head).toMatchObject({ domain: 'jupyter_envguard', language: locale.replace('_', '-'), version });
  });
});

describe('stringsOf', () => {
  it('finds all that is translated', () => {
    const text = "trans.__('a'); words.trans._n('b', 'bs', 2); this.trans._p('menu', 'c'); other.__('d');";
    expect(stringsOf('x.ts', text).map(({ key, plural }) => [key, plural])).toEqual([
      ['a', null],
      ['b', 'bs'],
      ['menu\u0004c', null]
    ]);
  });

  it('wants texts to be written out, or nobody could find them', () => {
    expect(() => stringsOf('x.ts', '\ntrans.__(text)')).toThrow('x.ts:2');
  });
});
