/**
 * A release as files for other tools: every one is an address of the server.
 */
import { Notification } from '@jupyterlab/apputils';
import type { CommandRegistry } from '@lumino/commands';
import { Menu } from '@lumino/widgets';

import type { IExport } from './generated/wire';
import type { IApi } from './api';
import { CommandIDs } from './commands';
import { Refusal } from './wire';
import type { Words } from './words';

/** Offers the exports of a release in a menu. */
export class Exporter {
  constructor(
    private readonly _api: Pick<IApi, 'exports'>,
    private readonly _commands: CommandRegistry,
    private readonly _words: Words
  ) {}

  /** Ask the server what it can write and offer that below `at`; says so if it cannot. */
  async offer(name: string, release: string, at: Element): Promise<void> {
    let found: readonly IExport[];
    try {
      found = await this._api.exports(name, release);
    } catch (reason) {
      const refusal = reason instanceof Refusal ? reason : new Refusal('unforeseen', String(reason), '');
      Notification.error(`${this._words.refusal(refusal)} ${this._words.hint(refusal)}`.trim());
      return;
    }
    const box = at.getBoundingClientRect();
    const menu = this._menu(name, release, found);
    menu.open(box.left, box.bottom);
    const back = at instanceof HTMLElement ? at : null;
    menu.aboutToClose.connect(() => back?.focus());
  }

  private _menu(name: string, release: string, found: readonly IExport[]): Menu {
    const menu = new Menu({ commands: this._commands });
    const addresses = new Menu({ commands: this._commands });
    addresses.title.label = this._words.trans.__('Copy Address');
    for (const { format, title, exact } of found) {
      const args = { name, release, format, label: this._label(format, title, exact) };
      menu.addItem({ command: CommandIDs.exportRelease, args });
      addresses.addItem({ command: CommandIDs.copyExportAddress, args });
    }
    menu.addItem({ type: 'separator' });
    menu.addItem({ type: 'submenu', submenu: addresses });
    return menu;
  }

  /** Only some formats hold everything that is needed to make the environment again. */
  private _label(format: string, title: string, exact: boolean): string {
    const shown = this._words.format(format) || title;
    return exact ? shown : this._words.trans.__('%1 (not exact)', shown);
  }
}

/** Fetch a file as the browser fetches any: it keeps the name that the server gives it. */
export function download(address: string): void {
  const link = document.createElement('a');
  link.href = address;
  link.download = '';
  document.body.append(link);
  link.click();
  link.remove();
}
