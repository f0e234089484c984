import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import type { Widget } from '@lumino/widgets';
import * as React from 'react';

import { signs } from './icons';
import type { KernelStanding, IStanding } from './kernel';
import type { IEnvironments, ISpecOpener } from './tokens';
import type { Words } from './words';

/** Below this width the sign stands alone, so that the kernel's name keeps its place. */
const COMPACT_PX = 720;

/** A tooltip is no report: the release's page has the rest. */
const TOLD_FINDINGS = 3;

interface IBadgeProps {
  readonly environments: IEnvironments;
  readonly opener: ISpecOpener;
  readonly words: Words;
}

/** In the toolbar of a notebook or a console: which environment its kernel runs, and how that stands. */
export class KernelBadge extends ReactWidget {
  constructor(
    private readonly _panel: Widget,
    private readonly _props: IBadgeProps & { readonly kernel: KernelStanding }
  ) {
    super();
    this.addClass('jp-EnvGuard-badgeItem');
    this._width = new ResizeObserver(() => {
      this.toggleClass('jp-mod-compact', _panel.node.clientWidth < COMPACT_PX);
    });
  }

  override dispose(): void {
    this._width.disconnect();
    super.dispose();
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this._width.observe(this._panel.node);
  }

  protected override render(): JSX.Element {
    const { kernel, ...props } = this._props;
    return (
      <UseSignal signal={kernel.changed}>{() => <Badge {...props} standing={kernel.standing} />}</UseSignal>
    );
  }

  private readonly _width: ResizeObserver;
}

/** The badge for what is known now; nothing at all without a kernel. */
export function Badge({
  standing,
  environments,
  opener,
  words
}: IBadgeProps & { standing: IStanding | null }): JSX.Element | null {
  if (!standing) {
    return null;
  }
  const { mark, origin } = standing;
  return (
    <StandingMark standing={standing} environments={environments} opener={opener} words={words}>
      <span className="jp-EnvGuard-badgeText">
        {origin && `${origin.environment} ${origin.release} · `}
        {words.mark(mark)}
      </span>
    </StandingMark>
  );
}

/** The sign of a standing with a text beside it; a button that shows the release when there is one. */
export function StandingMark({
  standing,
  environments,
  opener,
  words,
  children
}: IBadgeProps & { standing: IStanding; children: React.ReactNode }): JSX.Element {
  const { mark, origin } = standing;
  const Sign = signs[mark].react;
  const sentence = describe(standing, environments, words);
  const label = (
    <>
      <Sign tag="span" className="jp-EnvGuard-sign" aria-hidden />
      {children}
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

/** Say in one sentence what the badge says in a word. */
export function describe(standing: IStanding, environments: IEnvironments, words: Words): string {
  const { trans } = words;
  const { mark, origin, findings } = standing;
  if (!origin) {
    return mark === 'checking'
      ? trans.__('Checking… the environment of this kernel is not known yet.')
      : trans.__('Unmanaged: this kernel does not come from an approved environment.');
  }
  const id = `${origin.environment}@${origin.release}`;
  const state = `${origin.environment} ${origin.release} · ${words.mark(mark)}${mark === 'checking' ? '' : '.'}`;
  const reasons = environments.findUnavailable(origin.environment, origin.release)?.reasons ?? [];
  const why = [
    ...findings.slice(0, TOLD_FINDINGS).map(({ message }) => message),
    ...reasons.map(({ message, hint }) => `${message} ${hint}`.trim())
  ];
  return [state, ...why, trans.__('Show the packages of %1.', id)].join(' ');
}
