import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import { describe } from './badge';
import { signs } from './icons';
import type { IEnvironments, IKernels, ISpecOpener } from './tokens';
import type { Words } from './words';

interface IStatusItemProps {
  readonly environments: IEnvironments;
  readonly kernels: IKernels;
  readonly opener: ISpecOpener;
  readonly words: Words;
}

/** In the status bar: how the environment of the current notebook stands; JupyterLab names the kernel itself. */
export class StatusItem extends ReactWidget {
  constructor(private readonly _props: IStatusItemProps) {
    super();
    this.addClass('jp-EnvGuard-badgeItem');
    this.addClass('jp-EnvGuard-statusItem');
  }

  protected override render(): JSX.Element {
    return (
      <UseSignal signal={this._props.kernels.changed}>{() => <StatusView {...this._props} />}</UseSignal>
    );
  }
}

/** The state of the current notebook's environment; nothing at all without a kernel. */
export function StatusView({ environments, kernels, opener, words }: IStatusItemProps): JSX.Element | null {
  const standing = kernels.current && kernels.of(kernels.current).standing;
  if (!standing) {
    return null;
  }
  const { mark, origin } = standing;
  const Sign = signs[mark].react;
  const sentence = describe(standing, environments, words);
  const label = (
    <>
      <Sign tag="span" className="jp-EnvGuard-sign" aria-hidden />
      {words.mark(mark)}
    </>
  );
  return origin ? (
    <button
      type="button"
      className="jp-EnvGuard-badge"
      data-mark={mark}
      title={sentence}
      aria-label={sentence}
      onClick={() => opener.open(origin.environment, origin.release)}
    >
      {label}
    </button>
  ) : (
    <span className="jp-EnvGuard-badge" data-mark={mark} role="img" title={sentence} aria-label={sentence}>
      {label}
    </span>
  );
}
