/**
 * What the plugins share: the names of our commands, and the language they speak.
 */
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { Words } from './words';

/** Names of our commands. */
export namespace CommandIDs {
  /** Show a release: `{name, release}`. */
  export const openSpec = 'envguard:open-spec';
  /** Show the release of the kernel in front. */
  export const openCurrentSpec = 'envguard:open-current-spec';
  /** Ask for the catalog again. */
  export const refresh = 'envguard:refresh';
  /** Show what differs between two releases: `{from, to}`, each written `name@release`. */
  export const compare = 'envguard:compare';
  /** Fetch a release as a file: `{name, release, format}`. */
  export const exportRelease = 'envguard:export';
  /** Copy where that file is, for curl: `{name, release, format}`. */
  export const copyExportAddress = 'envguard:copy-export-address';
  /** Ask for a package or an environment: `{subject?, environment?}`. */
  export const request = 'envguard:request';
}

/** For commands that take nothing. */
export const NO_ARGUMENTS = { args: { type: 'object', properties: {} } };

/** The words of this extension in the language of the user interface. */
export function wordsOf(translator: ITranslator | null): Words {
  const spoken = translator ?? nullTranslator;
  return new Words(spoken.load('jupyter_envguard'), spoken.languageCode);
}
