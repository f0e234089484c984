/**
 * Every string that is shown, as it stands in the sources.
 */
import { readFileSync, readdirSync } from 'fs';
import { join } from 'path';
import ts from 'typescript';

/** One call of `trans.__`, `trans._n` or `trans._p`. */
export interface IString {
  /** Key in a catalogue: the text, after its context if it has one. */
  readonly key: string;
  /** The text of the plural; `null` where there is none. */
  readonly plural: string | null;
  readonly where: string;
}

/** How a catalogue parts a context from its text. */
const CONTEXT_END = '\u0004';

/** Which arguments of a translating method are texts: context, singular, plural. */
const METHODS: Readonly<Record<string, readonly (number | null)[]>> = {
  __: [null, 0, null],
  gettext: [null, 0, null],
  _n: [null, 0, 1],
  ngettext: [null, 0, 1],
  _p: [0, 1, null],
  pgettext: [0, 1, null]
};

/** Return all strings of the TypeScript files below `folder`; throws where one is not written out. */
export function stringsIn(folder: string): IString[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    name =>
      // What is in schemas is read from them.
      /\.tsx?$/.test(name) && name !== 'schematexts.ts'
  );
  return files.sort().flatMap(name => stringsOf(name, readFileSync(join(folder, name), 'utf8')));
}

export function stringsOf(name: string, text: string): IString[] {
  const source = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true);
  const found: IString[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      const places = METHODS[node.expression.name.text];
      if (places && /trans$/.test(node.expression.expression.getText(source))) {
        const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
        found.push(stringOf(node, places, `${name}:${line}`));
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function stringOf(call: ts.CallExpression, places: readonly (number | null)[], where: string): IString {
  const [context = null, singular = null, plural = null] = places.map(place => {
    const argument = place === null ? undefined : call.arguments[place];
    if (place !== null && !(argument && ts.isStringLiteralLike(argument))) {
      throw new Error(`${where}: a string to be translated must be written out.`);
    }
    return argument && ts.isStringLiteralLike(argument) ? argument.text : null;
  });
  return { key: (context === null ? '' : context + CONTEXT_END) + (singular ?? ''), plural, where };
}
