import { DisposableDelegate, type IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';

import type { IPanelSection, IPanelSections } from './tokens';

/** The sections of the side panel, in their order; the panel draws itself anew when one comes or goes. */
export class Sections implements IPanelSections {
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** All sections, the lowest rank first. */
  get all(): readonly IPanelSection[] {
    return this._all;
  }

  add(section: IPanelSection): IDisposable {
    this._set([...this._all, section].sort((a, b) => a.rank - b.rank));
    return new DisposableDelegate(() => this._set(this._all.filter(other => other !== section)));
  }

  private _set(all: readonly IPanelSection[]): void {
    this._all = all;
    this._changed.emit();
  }

  private _all: readonly IPanelSection[] = [];
  private readonly _changed = new Signal<this, void>(this);
}
