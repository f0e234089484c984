import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import { StandingMark } from './badge';
import type { IEnvironments, IKernels, ISpecOpener } from './tokens';
import type { Words } from './words';

interface IStatusItemProps {
  readonly environments: IEnvironments;
  readonly kernels: IKernels;
  readonly opener: ISpecOpener;
  readonly words: Words;
}

/** In the status bar: how the environment of the current notebook or console stands; JupyterLab names the kernel itself. */
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

/** The state of the current kernel's environment; nothing at all without a kernel. */
export function StatusView({ environments, kernels, opener, words }: IStatusItemProps): JSX.Element | null {
  const standing = kernels.current && kernels.of(kernels.current).standing;
  if (!standing) {
    return null;
  }
  return (
    <StandingMark standing={standing} environments={environments} opener={opener} words={words}>
      {words.mark(standing.mark)}
    </StandingMark>
  );
}
