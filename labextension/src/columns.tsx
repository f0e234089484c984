import * as React from 'react';

import type { Flag } from './flags';
import type { IColumn } from './grid';
import { mindIcon } from './icons';
import { managerOf, orderOf, shortChannel, type IPackageRow } from './table';
import type { Words } from './words';

/** What is shown until somebody chooses otherwise. */
export const USUAL_COLUMNS: readonly string[] = [
  'name',
  'version',
  'build',
  'channel',
  'manager',
  'license',
  'sha256',
  'size'
];

/** How much of a hash is enough to tell it from others. */
const HASH_DIGITS = 8;

/** Every column that the list of packages can have, in its order. */
export function packageColumns(words: Words): readonly IColumn<IPackageRow>[] {
  const { trans } = words;
  const column = (
    id: string,
    title: string,
    width: string,
    render: (row: IPackageRow) => React.ReactNode,
    numeric = false
  ): IColumn<IPackageRow> => ({ id, title, width, render, compare: orderOf(id), numeric });
  return [
    column('name', trans.__('Package'), 'minmax(13em, 2fr)', ({ name }) => <Text text={name} />),
    column('version', trans.__('Version'), 'minmax(7em, 1fr)', ({ version }) => <Text text={version} />),
    column('build', trans.__('Build'), 'minmax(9em, 1fr)', ({ build }) => <Text text={build} />),
    column('channel', trans.__('Channel'), 'minmax(12em, 1fr)', row => (
      <Flagged row={row} flag="other-channel" text={shortChannel(row.item)} words={words} />
    )),
    column('manager', trans.__('Manager'), 'minmax(6.6em, 0.5fr)', row => (
      <Flagged row={row} flag="pip" text={managerOf(row.item)} words={words} />
    )),
    column('license', trans.__('Licence'), 'minmax(9em, 1fr)', row => (
      <Flagged row={row} flag="licence-unknown" text={row.license || trans.__('unknown')} words={words} />
    )),
    column('sha256', trans.__('SHA-256'), 'minmax(7em, 0.5fr)', row =>
      row.sha256 ? (
        <code title={row.sha256}>{row.sha256.slice(0, HASH_DIGITS)}</code>
      ) : (
        <Flagged row={row} flag="no-hash" text={trans.__('no hash')} words={words} />
      )
    ),
    column('size', trans.__('Size'), 'minmax(6em, 0.5fr)', ({ size }) => words.size(size), true),
    column('origin', trans.__('Origin'), 'minmax(8em, 0.5fr)', ({ item }) => (
      <Text text={item.requested ? trans.__('asked for') : trans.__('dependency')} />
    ))
  ];
}

/** A text that ends in an ellipsis where there is no room; the whole is in the tooltip. */
function Text({ text }: { text: string }): JSX.Element {
  return (
    <span className="jp-EnvGuard-cellText" title={text}>
      {text}
    </span>
  );
}

interface IFlaggedProps {
  readonly row: IPackageRow;
  readonly flag: Flag;
  readonly text: string;
  readonly words: Words;
}

/** A text with a sign before it where the row has the flag. */
function Flagged({ row, flag, text, words }: IFlaggedProps): JSX.Element {
  if (!row.flags.has(flag)) {
    return <Text text={text} />;
  }
  return (
    <span className="jp-EnvGuard-flag" title={`${text}: ${words.flagSentence(flag)}`}>
      <mindIcon.react tag="span" className="jp-EnvGuard-sign" aria-hidden />
      <span className="jp-EnvGuard-cellText">{text}</span>
    </span>
  );
}
