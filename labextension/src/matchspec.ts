/**
 * A package as people ask for it: a name, and perhaps which versions.
 *
 * This is conda's MatchSpec without its brackets, and pip's way of writing versions
 * too. It only spares a person the way to the server, which decides.
 */

/** What is wrong with a subject: nothing there, not a name, or no versions after it. */
export type SubjectProblem = 'missing' | 'name' | 'version' | 'long';

/** Longer than any name with any versions; the server has the same limit. */
const MAX_LENGTH = 200;

const NAME = /^(?:[A-Za-z0-9._-]+::)?[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?(?:\[[A-Za-z0-9, ._-]+\])?/;
const RELATION = /^(?:===|==|~=|!=|<=|>=|=|<|>)?\s*[0-9A-Za-z*][0-9A-Za-z.*!+_-]*(?:=[0-9A-Za-z_.*]+)?$/;

/** Say what is wrong with `text` as a package and its versions; `null` if nothing is. */
export function packageProblem(text: string): SubjectProblem | null {
  const subject = text.trim();
  if (!subject) {
    return 'missing';
  }
  if (subject.length > MAX_LENGTH) {
    return 'long';
  }
  const name = NAME.exec(subject)?.[0];
  if (!name) {
    return 'name';
  }
  const rest = subject.slice(name.length);
  const versions = rest.trim();
  if (!versions) {
    return null;
  }
  if (!/^[\s=<>!~]/.test(rest)) {
    return 'name';
  }
  return versions.split(/[,|]/).every(relation => RELATION.test(relation.trim())) ? null : 'version';
}

/** Say what is wrong with `text` as the name of an environment that is wished for; `null` if nothing is. */
export function environmentProblem(text: string): SubjectProblem | null {
  const subject = text.trim();
  if (!subject) {
    return 'missing';
  }
  return subject.length > MAX_LENGTH ? 'long' : null;
}
