/**
 * The dialog that asks for a kernel: JupyterLab's own, with what is worth knowing below.
 *
 * The native `select` stays, because other extensions and test helpers look for it.
 */
import { Dialog, SessionContextDialogs, type ISessionContext } from '@jupyterlab/apputils';
import type { Kernel } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import { HTMLSelect, ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import { Signal } from '@lumino/signaling';
import * as React from 'react';

import { KernelCard, type ICardProps } from './kernelcard';
import { originOf } from './kernel';
import { CARET } from './parts';
import type { IResolution } from './generated/wire';
import type { IPreferences } from './tokens';

/** What the dialog needs to know, besides the document that it asks for. */
export interface IDialogProps extends Pick<
  ICardProps,
  'environments' | 'running' | 'words' | 'labUrl' | 'countDifferences'
> {
  readonly preferences: IPreferences;
  readonly stampOf: (session: ISessionContext) => ICardProps['stamp'];
  /** Ask the server what a kernel's name stands for now in a document with this stamp. */
  readonly resolve: (kernel: string, digest: string) => Promise<IResolution>;
}

/** What a person chose: a kernel to start, one that runs, or none. */
type Choice = Partial<Kernel.IModel> | null;

/** Asks for kernels. */
export class KernelDialogs extends SessionContextDialogs {
  constructor(
    private readonly _props: IDialogProps,
    private readonly _options: ISessionContext.IDialogsOptions = {}
  ) {
    super(_options);
  }

  override async selectKernel(session: ISessionContext): Promise<void> {
    if (session.isDisposed) {
      return;
    }
    if (!this._props.preferences.isOn('kernelDialog')) {
      return super.selectKernel(session);
    }
    const { choice, isChecked } = await this._ask(session);
    if (session.isDisposed || choice === undefined) {
      return;
    }
    if (isChecked !== null) {
      session.kernelPreference = { ...session.kernelPreference, autoStartDefault: isChecked };
    }
    if (choice) {
      await session.changeKernel(choice);
    } else if (!session.hasNoKernel) {
      await session.shutdown();
    }
  }

  /** Show the dialog; the choice is undefined when the person wants none of it. */
  private async _ask(
    session: ISessionContext
  ): Promise<{ choice: Choice | undefined; isChecked: boolean | null }> {
    // The labels are JupyterLab's, and so are their translations.
    const trans = (this._options.translator ?? nullTranslator).load('jupyterlab');
    const { autoStartDefault } = session.kernelPreference;
    const hasCheckbox = typeof autoStartDefault === 'boolean';
    const body = new KernelChoice(session, this._props, this._options);
    const dialog = new Dialog<Choice>({
      title: trans.__('Select Kernel'),
      body,
      buttons: [
        Dialog.cancelButton({
          label: session.hasNoKernel ? session.kernelDisplayName : trans.__('Cancel')
        }),
        Dialog.okButton({ label: trans.__('Select'), ariaLabel: trans.__('Select Kernel') })
      ],
      checkbox: hasCheckbox
        ? {
            label: trans.__('Always start the preferred kernel'),
            caption: trans.__('Remember my choice and always start the preferred kernel'),
            checked: autoStartDefault
          }
        : null
    });
    const { button, value, isChecked } = await dialog.launch();
    return {
      choice: button.accept ? value : undefined,
      isChecked: hasCheckbox ? isChecked : null
    };
  }
}

/** The body of the dialog. */
export class KernelChoice extends ReactWidget implements Dialog.IBodyWidget<Choice> {
  constructor(
    private readonly _session: ISessionContext,
    private readonly _props: IDialogProps,
    private readonly _options: ISessionContext.IDialogsOptions
  ) {
    super();
    this.addClass('jp-EnvGuard-choice');
    _session.specsManager.specsChanged.connect(this._update, this);
    _props.environments.changed.connect(this._update, this);
    _props.running?.changed.connect(this._update, this);
    void _props.environments.refresh();
    void this._session.specsManager.refreshSpecs().catch(() => undefined);
    void this._resolve();
  }

  getValue(): Choice {
    const select = this.node.querySelector('select');
    return JSON.parse(select?.value || 'null') as Choice;
  }

  override dispose(): void {
    Signal.clearData(this);
    super.dispose();
  }

  protected override render(): JSX.Element {
    return <UseSignal signal={this._updated}>{() => this._body()}</UseSignal>;
  }

  private _body(): JSX.Element {
    const trans = (this._options.translator ?? nullTranslator).load('jupyterlab');
    const { groups, disabled } = kernelOptions(this._session, this._options);
    const all = groups.flatMap(({ options }) => options);
    const chosen = this._chosen(all);
    const stated = (text: string, value: string) => {
      const state = this._stateOf(value);
      return state ? this._props.words.trans.__('%1 — %2', text, state) : text;
    };
    return (
      <>
        <label htmlFor={SELECT_ID}>{`${trans.__('Select kernel for:')} "${this._session.name}"`}</label>
        <HTMLSelect
          id={SELECT_ID}
          className="jp-EnvGuard-choose"
          iconProps={CARET}
          aria-describedby={CARD_ID}
          disabled={disabled}
          value={chosen}
          onChange={event => this._choose(event.target.value)}
        >
          {groups.map(({ label, options }) => (
            <optgroup key={label} label={label}>
              {options.map(({ text, title, value }) => (
                <option key={value} value={value} title={title}>
                  {stated(text, value)}
                </option>
              ))}
            </optgroup>
          ))}
        </HTMLSelect>
        <KernelCard
          id={CARD_ID}
          choice={this._named(JSON.parse(chosen || 'null') as Choice)}
          wanted={this._wanted}
          resolution={this._resolution}
          specs={this._session.specsManager.specs}
          stamp={this._props.stampOf(this._session)}
          environments={this._props.environments}
          running={this._props.running}
          words={this._props.words}
          labUrl={this._props.labUrl}
          countDifferences={this._props.countDifferences}
          onChoose={name => this._choose(JSON.stringify({ name }))}
        />
      </>
    );
  }

  /** What is chosen: by the person, else what takes the place of a missing kernel, else what Lab proposes. */
  private _chosen(
    options: readonly SessionContextDialogs.IKernelOptions['groups'][0]['options'][0][]
  ): string {
    const offered = (value: string | null): value is string =>
      value !== null && options.some(option => option.value === value);
    const replacement = this._resolution?.environment;
    const wishes = [
      this._choice,
      replacement ? JSON.stringify({ name: replacement.kernelName }) : null,
      options.find(({ selected }) => selected)?.value ?? null
    ];
    return wishes.find(offered) ?? options[0]?.value ?? '';
  }

  /** A kernel that runs is chosen by its id; its name is the next best thing to know about it. */
  private _named(choice: Choice): Choice {
    const running = [...(this._session.kernelManager?.running() ?? [])];
    return choice?.id ? { name: running.find(({ id }) => id === choice.id)?.name ?? '', ...choice } : choice;
  }

  private _choose(value: string): void {
    this._choice = value;
    this._update();
  }

  private _stateOf(value: string): string {
    const { name } = (JSON.parse(value) ?? {}) as { name?: string };
    const spec = name ? this._session.specsManager.specs?.kernelspecs[name] : undefined;
    const state = originOf(spec?.metadata)?.state;
    return state === 'deprecated' || state === 'revoked' ? this._props.words.mark(state) : '';
  }

  /** The kernel that the document names although there is none of that name; empty if there is. */
  private get _wanted(): string {
    const { specsManager, session, kernelPreference } = this._session;
    const name = session?.kernel?.name ?? kernelPreference.name ?? '';
    return specsManager.specs && name && !(name in specsManager.specs.kernelspecs) ? name : '';
  }

  private async _resolve(): Promise<void> {
    const wanted = this._wanted;
    if (wanted) {
      // Without an answer the person still has the list to choose from.
      const digest = this._props.stampOf(this._session)?.digest ?? '';
      this._resolution = await this._props.resolve(wanted, digest).catch(() => null);
      this._update();
    }
  }

  private _update(): void {
    if (!this.isDisposed) {
      this._updated.emit();
    }
  }

  private _choice: string | null = null;
  private _resolution: IResolution | null = null;
  private readonly _updated = new Signal<this, void>(this);
}

const SELECT_ID = 'jp-EnvGuard-kernel';
const CARD_ID = 'jp-EnvGuard-kernel-card';

type Options = SessionContextDialogs.IKernelOptions;

function kernelOptions(session: ISessionContext, { translator }: ISessionContext.IDialogsOptions): Options {
  return SessionContextDialogs.kernelOptions(session, translator ?? null);
}
