import { UseSignal } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import * as React from 'react';

import { boxIcon } from './icons';
import { Page } from './page';
import { RequestForm, type IRequestFormProps } from './requestform';
import type { IAsk } from './requests';

/** The page on which a person asks for something. */
export class RequestPage extends Page {
  constructor(private readonly _props: Omit<IRequestFormProps, 'prefill' | 'leave'>) {
    super('jp-envguard-request');
    const { trans } = _props.words;
    this.title.icon = boxIcon;
    this.title.label = trans.__('Request');
    this.title.caption = trans.__('Ask for a package or an environment');
    this.node.setAttribute('aria-label', this.title.caption);
  }

  /** Begin a new form, filled in like this. */
  prefill(ask: Partial<IAsk>): void {
    this._prefill = ask;
    this._form += 1;
    this.update();
  }

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    void this.renderPromise?.then(() => {
      (this.node.querySelector<HTMLElement>('#jp-EnvGuard-request-subject') ?? this.node).focus();
    });
  }

  protected override render(): JSX.Element {
    return (
      <UseSignal signal={this._props.environments.changed}>
        {() => (
          <RequestForm key={this._form} {...this._props} prefill={this._prefill} leave={() => this.close()} />
        )}
      </UseSignal>
    );
  }

  private _prefill: Partial<IAsk> = {};
  private _form = 0;
}
