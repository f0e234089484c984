/**
 * What states, dates and sizes are called: one word per thing, here only.
 */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { IChange, Step } from './diff';
import type { Flag } from './flags';
import type { ChangeKind, IReason, IRevocation } from './generated/wire';
import type { IProblem } from './query';
import type { Refusal } from './wire';

/** How an environment or a kernel stands, as far as the person is concerned. */
export type Mark =
  'approved' | 'deprecated' | 'drifted' | 'revoked' | 'unavailable' | 'checking' | 'unmanaged';

/** Turn a state of the catalog into what a person is told; anything unknown is not available. */
export function markOf(state: string): Mark {
  switch (state) {
    case 'approved':
    case 'deprecated':
    case 'drifted':
    case 'revoked':
      return state;
    default:
      return 'unavailable';
  }
}

/** Digests are told apart by their beginning; the whole one is a click away. */
export function shortDigest(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, 8);
}

/** Cut a text that is too long in its middle, where it is missed least. */
export function shorten(text: string, length: number): string {
  if (text.length <= length) {
    return text;
  }
  const kept = length - 1;
  return `${text.slice(0, Math.ceil(kept / 2))}…${text.slice(text.length - Math.floor(kept / 2))}`;
}

/** A weekday says less than a date from here on. */
const SIX_DAYS_MS = 6 * 24 * 60 * 60 * 1000;

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

/** The words, in the language of the user interface. */
export class Words {
  constructor(
    readonly trans: TranslationBundle,
    languageCode = 'en'
  ) {
    this._locale = languageCode.replace('_', '-');
  }

  /** Name a state in one word. */
  mark(mark: Mark): string {
    const words: Record<Mark, string> = {
      approved: this.trans.__('Approved'),
      deprecated: this.trans.__('Deprecated'),
      drifted: this.trans.__('Drifted'),
      revoked: this.trans.__('Revoked'),
      unavailable: this.trans.__('Not available'),
      checking: this.trans.__('Checking…'),
      unmanaged: this.trans.__('Unmanaged')
    };
    return words[mark];
  }

  /** Name a flag of a package in as few words as fit on a button. */
  flag(flag: Flag): string {
    const words: Record<Flag, string> = {
      requested: this.trans.__('asked for by name'),
      dependency: this.trans.__('dependencies'),
      pip: this.trans.__('pip'),
      'no-hash': this.trans.__('no hash'),
      'licence-unknown': this.trans.__('licence unknown'),
      'other-channel': this.trans.__('other channel')
    };
    return words[flag];
  }

  /** Say in a sentence what a flag means. */
  flagSentence(flag: Flag): string {
    const sentences: Record<Flag, string> = {
      requested: this.trans.__('Somebody asked for it by name.'),
      dependency: this.trans.__('It is here because others require it.'),
      pip: this.trans.__('It was installed by pip, over what conda keeps consistent.'),
      'no-hash': this.trans.__('Its record holds no hash: the file it came from cannot be told.'),
      'licence-unknown': this.trans.__('Its record names no licence.'),
      'other-channel': this.trans.__('It comes from another channel than most packages here.')
    };
    return sentences[flag];
  }

  /** Name a kind of change. */
  kind(kind: ChangeKind): string {
    const words: Record<ChangeKind, string> = {
      rebuilt: this.trans.__('rebuilt'),
      upgraded: this.trans.__('upgraded'),
      downgraded: this.trans.__('downgraded'),
      added: this.trans.__('added'),
      removed: this.trans.__('removed'),
      changed: this.trans.__('changed')
    };
    return words[kind];
  }

  /** Name a change, with the size of its step where it went up or down. */
  change({ kind, step }: IChange): string {
    const steps: Record<Step, string> = {
      major: this.trans.__('major'),
      minor: this.trans.__('minor'),
      patch: this.trans.__('patch')
    };
    return step ? `${this.kind(kind)}, ${steps[step]}` : this.kind(kind);
  }

  /** Say what in a filter is only looked for as text. */
  problem({ kind, text }: IProblem): string {
    switch (kind) {
      case 'key':
        return this.trans.__(
          'There is no column “%1”: name, version, build, channel, subdir, manager, license, sha256, url, size, is, needs.',
          text
        );
      case 'flag':
        return this.trans.__(
          'There is no flag “%1”: requested, dependency, pip, no-hash, licence-unknown, other-channel.',
          text
        );
      case 'size':
        return this.trans.__('“%1” is no size: write 500k, 10MB or 1.5G.', text);
    }
  }

  /** Say what went wrong; the server's own sentence wins. */
  refusal({ code, message }: Refusal): string {
    switch (code) {
      case 'server-unreachable':
      case 'http-424':
      case 'http-502':
      case 'http-503':
      case 'http-504':
        return this.trans.__('The server does not answer.');
      case 'http-401':
      case 'http-403':
        return this.trans.__('The server does not let you in any more.');
      case 'answer-malformed':
        return this.trans.__('The server sent an answer that cannot be read: see “%1”.', message);
      default:
        return message;
    }
  }

  /** Say what to do about it. */
  hint({ code, hint }: Refusal): string {
    switch (code) {
      case 'server-unreachable':
        return this.trans.__('Check the connection. Running kernels are not affected.');
      // A hub says the first of a server that does not run, what stands before it says the others.
      case 'http-424':
      case 'http-502':
      case 'http-503':
      case 'http-504':
        return this.trans.__('It was stopped or is just starting. Open it in another tab, then try again.');
      case 'http-401':
      case 'http-403':
        return this.trans.__(
          'Your login has ended or the server was stopped. Open it in another tab, then try again.'
        );
      default:
        return hint;
    }
  }

  date(iso: string): string {
    return this._format(iso, { dateStyle: 'medium' });
  }

  time(moment: Date): string {
    return new Intl.DateTimeFormat(this._locale, { timeStyle: 'short' }).format(moment);
  }

  dateTime(iso: string): string {
    return this._format(iso, { dateStyle: 'medium', timeStyle: 'short' });
  }

  /** Say when something ends: by its weekday if that is less than a week ahead. */
  until(iso: string, now = new Date()): string {
    const ahead = Date.parse(iso) - now.valueOf();
    return ahead > 0 && ahead < SIX_DAYS_MS
      ? this._format(iso, { weekday: 'long', hour: 'numeric', minute: '2-digit' })
      : this.dateTime(iso);
  }

  /** Say of a release that was revoked and may still start until when, and why it was revoked. */
  grace(name: string, { grace, reason }: IRevocation, length = Infinity): string {
    const why = shorten(reason.trim().replace(/[.!?]$/, ''), length);
    return this.trans.__('%1 was revoked and starts until %2 only: %3.', name, this.until(grace), why);
  }

  number(value: number): string {
    return new Intl.NumberFormat(this._locale).format(value);
  }

  /** Name a format in which a release can be exported; nothing for one that is not known here. */
  format(format: string): string {
    const words: Record<string, string> = {
      explicit: this.trans.__('Explicit list for conda (@EXPLICIT)'),
      'conda-lock': this.trans.__('Lock file of conda-lock'),
      'environment-yaml': this.trans.__('environment.yml'),
      requirements: this.trans.__('requirements.txt of pip packages'),
      cyclonedx: this.trans.__('Bill of materials, CycloneDX'),
      spdx: this.trans.__('Bill of materials, SPDX'),
      csv: this.trans.__('Table, CSV'),
      evidence: this.trans.__('Evidence: spec, approvals and signatures (zip)')
    };
    return words[format] ?? '';
  }

  /** Say how many of how many are shown. */
  part(shown: number, all: number): string {
    return this.trans.__('%1 of %2', this.number(shown), this.number(all));
  }

  count(packages: number): string {
    return this.trans._n('%2 package', '%2 packages', packages, this.number(packages));
  }

  /** Write a number of bytes; nothing at all where it is not known. */
  size(bytes: number): string {
    if (bytes <= 0) {
      return '';
    }
    const power = Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1);
    return new Intl.NumberFormat(this._locale, {
      style: 'unit',
      unit: UNITS[power] ?? 'byte',
      unitDisplay: power === 0 ? 'long' : 'short',
      maximumSignificantDigits: 3
    }).format(bytes / 1000 ** power);
  }

  private _format(iso: string, options: Intl.DateTimeFormatOptions): string {
    const moment = new Date(iso);
    return Number.isNaN(moment.valueOf())
      ? iso
      : new Intl.DateTimeFormat(this._locale, options).format(moment);
  }

  private readonly _locale: string;
}

/** What a reason says where a way to the successor stands below it: its hint is often the same in words. */
export function besideSuccessor({ message, hint }: IReason, successor: string | null): string {
  return successor && hint.includes(successor) ? message : `${message} ${hint}`.trim();
}
