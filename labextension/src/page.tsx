import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';

/** A tab of the main area with something of ours in it. */
export abstract class Page extends ReactWidget {
  constructor(id: string) {
    super();
    this.id = id;
    this.addClass('jp-EnvGuard');
    this.addClass('jp-EnvGuard-page');
    this.title.closable = true;
    this.node.tabIndex = -1;
    this.node.setAttribute('role', 'region');
  }

  /** JupyterLab takes for current, and closes by its shortcut, what has the focus. */
  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    if (!this.node.contains(document.activeElement)) {
      this.node.focus();
    }
  }

  /** What is only taken out of the shell would be found again by trackers, and could never be shown. */
  protected override onCloseRequest(message: Message): void {
    super.onCloseRequest(message);
    this.dispose();
  }
}
