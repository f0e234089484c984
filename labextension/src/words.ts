/**
 * What states, dates and sizes are called: one word per thing, here only.
 */
import type { TranslationBundle } from '@jupyterlab/translation';

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

  /** Say what went wrong; the server's own sentence wins. */
  refusal({ code, message }: Refusal): string {
    switch (code) {
      case 'server-unreachable':
        return this.trans.__('The server does not answer.');
      case 'answer-malformed':
        return this.trans.__('The server sent an answer that cannot be read: see “%1”.', message);
      default:
        return message;
    }
  }

  /** Say what to do about it. */
  hint({ code, hint }: Refusal): string {
    if (code === 'server-unreachable') {
      return this.trans.__('Check the connection. Running kernels are not affected.');
    }
    return hint;
  }

  date(iso: string): string {
    return this._format(iso, { dateStyle: 'medium' });
  }

  time(moment: Date): string {
    return new Intl.DateTimeFormat(this._locale, { timeStyle: 'short' }).format(moment);
  }

  count(packages: number): string {
    return this.trans._n('%1 package', '%1 packages', packages);
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
