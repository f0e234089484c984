/**
 * Our pictures: a box that is closed with a seal, and one small sign per state.
 *
 * Not a shield with a tick: JupyterLab uses that for a trusted notebook.
 */
import { LabIcon } from '@jupyterlab/ui-components';

import type { Mark } from './words';

const svg = (viewBox: number, content: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 ${viewBox} ${viewBox}">${content}</svg>`;

export const boxIcon = new LabIcon({
  name: 'jupyter-envguard:box',
  svgstr: svg(
    24,
    `<g class="jp-icon3 jp-icon-selectable" fill="#616161">
      <path fill-rule="evenodd" d="M4.6 3h14.8L22 8v11a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V8zm1.2 2L4.7 7.2H11V5zM13 5v2.2h6.3L18.2 5zM4 9.2V19h16V9.2h-7v1.6a4 4 0 1 1-2 0V9.2z"/>
      <circle cx="12" cy="14.6" r="1.6"/>
    </g>`
  )
});

/** A sign in the colour of the text beside it. */
const sign = (mark: Mark, path: string) =>
  new LabIcon({
    name: `jupyter-envguard:${mark}`,
    svgstr: svg(
      16,
      `<g fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round">${path}</g>`
    )
  });

/** Two lists side by side, and the way from one to the other. */
export const compareIcon = new LabIcon({
  name: 'jupyter-envguard:compare',
  svgstr: svg(
    24,
    `<g class="jp-icon3 jp-icon-selectable" fill="#616161">
      <path d="M3 4h8v2H5v12h6v2H3zM21 4h-8v2h6v12h-6v2h8zM7 11h7.2l-1.6-1.6L14 8l4 4-4 4-1.4-1.4 1.6-1.6H7z"/>
    </g>`
  )
});

/** Something to mind. */
export const mindIcon = new LabIcon({
  name: 'jupyter-envguard:mind',
  svgstr: svg(
    16,
    `<g fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round"><path d="M8 2.2 14.4 13.6H1.6zM8 6.6v3M8 11.6h.01"/></g>`
  )
});

const RING = '<circle cx="8" cy="8" r="6.2"/>';

export const signs: Readonly<Record<Mark, LabIcon>> = {
  approved: sign('approved', `${RING}<path d="m5.2 8.3 2 2 3.7-4.2"/>`),
  deprecated: sign('deprecated', `${RING}<path d="M8 4.6V8l2.3 1.7"/>`),
  drifted: sign('drifted', `${RING}<path d="M5.2 6.7h5.6M5.2 9.5h5.6M9.4 4.9l-2.8 6.3"/>`),
  revoked: sign('revoked', `${RING}<path d="m3.7 3.7 8.6 8.6"/>`),
  unavailable: sign('unavailable', `${RING}<path d="M5.2 8h5.6"/>`),
  checking: sign('checking', '<path d="M3.4 8h.01M8 8h.01M12.6 8h.01"/>'),
  unmanaged: sign(
    'unmanaged',
    `<path stroke-dasharray="2.4 2.5" d="M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 1 1 8 1.8"/>`
  )
};
