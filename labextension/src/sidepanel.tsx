/**
 * The side panel, which is empty until somebody looks at it.
 */
import { ReactWidget, SidePanel, UseSignal } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { Panel } from '@lumino/widgets';
import * as React from 'react';

import { boxIcon } from './icons';
import type { IPanelProps, PanelView } from './panel';
import { Failure, Skeleton } from './parts';
import { Refusal } from './wire';

/** What this user may start, what not and why, and what the notebook in front runs. */
export class EnvironmentsPanel extends SidePanel {
  constructor(private readonly _props: IPanelProps) {
    super({ content: new Panel() });
    this.id = 'jp-envguard-environments';
    this.addClass('jp-EnvGuard');
    this.title.icon = boxIcon;
    this.title.caption = _props.words.trans.__('Approved environments');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', this.title.caption);
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this._fill();
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._fill();
  }

  private _fill(): void {
    if (this.isVisible && this.content.widgets.length === 0) {
      const list = ReactWidget.create(<Content {...this._props} />);
      list.addClass('jp-EnvGuard-panel');
      this.content.addWidget(list);
    }
  }
}

/** Fetches what draws the panel: nobody who does not look at it waits for that. */
function Content(props: IPanelProps): JSX.Element {
  const { environments, sections, words } = props;
  const [view, setView] = React.useState<{ readonly Shown: typeof PanelView } | null>(null);
  const [failed, setFailed] = React.useState(false);
  const load = () => {
    setFailed(false);
    if (!environments.catalog) {
      void environments.refresh();
    }
    import('./panel').then(
      ({ PanelView: Shown }) => setView({ Shown }),
      () => setFailed(true)
    );
  };
  React.useEffect(load, []);
  if (failed) {
    return <Failure refusal={new Refusal('server-unreachable', '', '')} words={words} retry={load} />;
  }
  if (!view) {
    return <Skeleton label={words.trans.__('Reading the catalog…')} rows={4} />;
  }
  return (
    <UseSignal signal={environments.changed}>
      {() => <UseSignal signal={sections.changed}>{() => <view.Shown {...props} />}</UseSignal>}
    </UseSignal>
  );
}
