/**
 * The language of the filter field: words that all must hold.
 *
 *     numpy                 the text occurs somewhere in the row
 *     "BSD 3"               with spaces in it
 *     license:gpl           the text occurs in this column
 *     manager=conda         the column is exactly this
 *     version>=2 size>10MB  in the order of versions and of sizes
 *     numpy>=2,<3           a package and its version, as conda and pip write it
 *     is:no-hash            a flag
 *     needs:openssl         what requires a package
 *     -license:gpl          whatever does not
 *
 * Nothing that can be typed is an error: what is not understood is looked for as
 * text, and `problems` says what was meant to be more than that.
 */
import { FLAGS, isFlag, type Flag } from './flags';
import { canonical } from './relations';
import { compareVersions, publicOf, startsWith } from './versions';

/** Columns that can be asked for by name. */
export const TEXT_KEYS = [
  'name',
  'version',
  'build',
  'channel',
  'subdir',
  'manager',
  'license',
  'sha256',
  'url'
] as const;
export type TextKey = (typeof TEXT_KEYS)[number];

/** Everything that may stand before a colon. */
export const KEYS: readonly string[] = [...TEXT_KEYS, 'size', 'is', 'needs'];

const ALIASES: Readonly<Record<string, string>> = {
  package: 'name',
  licence: 'license',
  hash: 'sha256',
  flag: 'is'
};

/** How two things are compared; `:` is “occurs in”. */
export type Operator = ':' | '=' | '!=' | '<' | '<=' | '>' | '>=';

/** One bound on a version, such as `>=2`; `=` is “begins with”, `==` is exactly. */
export interface IBound {
  readonly operator: '=' | '==' | '!=' | '<' | '<=' | '>' | '>=' | '~=';
  readonly version: string;
}

/** What one term asks. */
export type Question =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'column'; readonly key: TextKey; readonly operator: Operator; readonly value: string }
  | { readonly kind: 'size'; readonly operator: Operator; readonly bytes: number }
  | { readonly kind: 'flag'; readonly flag: Flag }
  | { readonly kind: 'needs'; readonly name: string }
  | { readonly kind: 'pin'; readonly name: string; readonly bounds: readonly IBound[] };

/** One word of a query. */
export interface ITerm {
  readonly negated: boolean;
  readonly question: Question;
}

/** Why a term is only looked for as text. */
export interface IProblem {
  readonly kind: 'key' | 'flag' | 'size';
  /** The part that is not known. */
  readonly text: string;
}

export interface IQuery {
  readonly terms: readonly ITerm[];
  readonly problems: readonly IProblem[];
}

/** What a row must be able to answer. */
export type IRow = Readonly<Record<TextKey, string>> & {
  readonly size: number;
  readonly flags: ReadonlySet<Flag>;
  /** Canonical names of what it requires. */
  readonly needs: ReadonlySet<string>;
  /** All text of the row in lower case. */
  readonly text: string;
};

/** Read what was typed; never fails. */
export function parse(typed: string): IQuery {
  const problems: IProblem[] = [];
  const terms = words(typed).flatMap(word => {
    const negated = word.length > 1 && word.startsWith('-');
    const question = read(negated ? word.slice(1) : word, problems);
    return question ? [{ negated, question }] : [];
  });
  return { terms, problems };
}

/** Return a test for rows: whether all terms of `query` hold. */
export function predicate(query: IQuery): (row: IRow) => boolean {
  const tests = query.terms.map(({ negated, question }) => {
    const test = asks(question);
    return negated ? (row: IRow) => !test(row) : test;
  });
  return row => tests.every(test => test(row));
}

/** Write a query as it would be typed; `parse` reads the same from it. */
export function write(query: IQuery): string {
  return query.terms.map(({ negated, question }) => (negated ? '-' : '') + writeQuestion(question)).join(' ');
}

/** Split at white space outside of quotes; a quote that is never closed ends with the text. */
function words(typed: string): string[] {
  return typed.match(/(?:[^\s"]|"[^"]*(?:"|$))+/g) ?? [];
}

const TERM = /^([a-z][a-z0-9]*)(:|>=|<=|!=|==|=|>|<)(.*)$/is;
const PIN = /^([a-z0-9_][\w.-]*)((?:>=|<=|!=|==|~=|=|>|<).*)$/is;
const BOUND = /^(>=|<=|!=|==|~=|=|>|<)\s*([^\s,<>=!~]+)$/;

function read(word: string, problems: IProblem[]): Question | null {
  if (/^"[^"]*"?$/.test(word)) {
    return textual(unquoted(word));
  }
  const [, said = '', operator = '', rest = ''] = TERM.exec(word) ?? [];
  const key = ALIASES[said.toLowerCase()] ?? said.toLowerCase();
  if (operator && KEYS.includes(key)) {
    return keyed(key, operator, rest, word, problems);
  }
  const pin = pinned(unquoted(word));
  if (pin) {
    return pin;
  }
  // A URL has a colon too, and somebody may have pasted one.
  if (operator === ':' && !rest.startsWith('//')) {
    problems.push({ kind: 'key', text: said });
  }
  return textual(unquoted(word));
}

/** A term whose value has not been typed yet asks nothing. */
function keyed(
  key: string,
  said: string,
  value: string,
  word: string,
  problems: IProblem[]
): Question | null {
  // `version:>=2` is what people type who know other filter languages.
  const inner = said === ':' ? /^(>=|<=|!=|==|=|>|<)(.*)$/s.exec(value) : null;
  const operator = asOperator(inner?.[1] ?? said);
  const text = unquoted(inner?.[2] ?? value).trim();
  if (!text) {
    return null;
  }
  switch (key) {
    case 'size':
      return sized(operator, text, word, problems);
    case 'is':
      return flagged(text, word, problems);
    case 'needs':
      return { kind: 'needs', name: canonical(text) };
    default:
      return { kind: 'column', key: key as TextKey, operator, value: text };
  }
}

function asOperator(said: string): Operator {
  return said === '==' ? '=' : (said as Operator);
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

function sized(operator: Operator, text: string, word: string, problems: IProblem[]): Question {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i.exec(text) ?? [];
  if (!number) {
    problems.push({ kind: 'size', text });
    return { kind: 'text', text: unquoted(word).toLowerCase() };
  }
  const bytes = Math.round(Number(number) * (UNITS[unit.toLowerCase()] ?? 1));
  // Nobody knows a size to the byte: `size:10MB` means as much or more.
  return { kind: 'size', operator: operator === ':' ? '>=' : operator, bytes };
}

function flagged(text: string, word: string, problems: IProblem[]): Question {
  const flag = text.toLowerCase().replace('license', 'licence');
  if (isFlag(flag)) {
    return { kind: 'flag', flag };
  }
  // On the way to a flag nothing is wrong yet.
  if (!FLAGS.some(known => known.startsWith(flag))) {
    problems.push({ kind: 'flag', text });
  }
  return { kind: 'text', text: unquoted(word).toLowerCase() };
}

function pinned(word: string): Question | null {
  const [, name = '', rest = ''] = PIN.exec(word) ?? [];
  if (!name) {
    return null;
  }
  const bounds: IBound[] = [];
  for (const part of rest.split(',').filter(Boolean)) {
    const [, operator, version = ''] = BOUND.exec(part.trim()) ?? [];
    if (operator) {
      bounds.push({ operator: operator as IBound['operator'], version });
    }
  }
  return bounds.length > 0
    ? { kind: 'pin', name: name.toLowerCase(), bounds }
    : { kind: 'column', key: 'name', operator: '=', value: name };
}

function textual(text: string): Question | null {
  return text ? { kind: 'text', text: text.toLowerCase() } : null;
}

function unquoted(text: string): string {
  return text.replace(/"/g, '');
}

function asks(question: Question): (row: IRow) => boolean {
  switch (question.kind) {
    case 'text':
      return row => row.text.includes(question.text);
    case 'column':
      return asksColumn(question.key, question.operator, question.value);
    case 'size':
      // A size that nobody knows is neither small nor large.
      return row => row.size > 0 && holds(question.operator, row.size - question.bytes);
    case 'flag':
      return row => row.flags.has(question.flag);
    case 'needs':
      return row => row.needs.has(question.name);
    case 'pin':
      return row =>
        row.name.toLowerCase() === question.name &&
        question.bounds.every(bound => satisfies(row.version, bound));
  }
}

function asksColumn(key: TextKey, operator: Operator, said: string): (row: IRow) => boolean {
  const value = said.toLowerCase();
  if (operator === ':') {
    return row => row[key].toLowerCase().includes(value);
  }
  if (key === 'version') {
    return row => holds(operator, compareVersions(row.version, said));
  }
  return row => holds(operator, compareText(row[key].toLowerCase(), value));
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function holds(operator: Operator, order: number): boolean {
  switch (operator) {
    case ':':
    case '=':
      return order === 0;
    case '!=':
      return order !== 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
  }
}

/** Whether a version keeps to one bound; a local part counts only where the bound has one. */
export function satisfies(whole: string, { operator, version: said }: IBound): boolean {
  const version = said.includes('+') ? whole : publicOf(whole);
  const wanted = said.replace(/\.?\*$/, '');
  const open = wanted !== said;
  switch (operator) {
    case '=':
      return startsWith(version, wanted);
    case '==':
      return open ? startsWith(version, wanted) : compareVersions(version, wanted) === 0;
    case '!=':
      return open ? !startsWith(version, wanted) : compareVersions(version, wanted) !== 0;
    case '~=':
      return compareVersions(version, wanted) >= 0 && startsWith(version, wanted.replace(/\.[^.]*$/, ''));
    default:
      return holds(operator, compareVersions(version, wanted));
  }
}

function writeQuestion(question: Question): string {
  switch (question.kind) {
    case 'text':
      return `"${question.text}"`;
    case 'column':
      return `${question.key}${question.operator}${quote(question.value)}`;
    case 'size':
      return `size${question.operator}${question.bytes}`;
    case 'flag':
      return `is:${question.flag}`;
    case 'needs':
      return `needs:${quote(question.name)}`;
    case 'pin':
      return question.name + question.bounds.map(bound => bound.operator + bound.version).join(',');
  }
}

function quote(value: string): string {
  return /^[<>=!]|\s/.test(value) ? `"${value}"` : value;
}
