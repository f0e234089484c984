import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import { act } from '@testing-library/react';
import * as React from 'react';

import { Page } from '../src/page';

class Sheet extends Page {
  protected override render(): JSX.Element {
    return <button type="button">Hello</button>;
  }
}

describe('Page', () => {
  it('has the focus once it is shown, and leaves it where it is within', async () => {
    const page = new Sheet('jp-envguard-sheet');
    await act(async () => {
      Widget.attach(page, document.body);
      await page.renderPromise;
    });
    page.activate();
    MessageLoop.flush();
    expect(document.activeElement).toBe(page.node);
    const within = page.node.querySelector<HTMLElement>('button');
    within?.focus();
    page.activate();
    MessageLoop.flush();
    expect(document.activeElement).toBe(within);
    act(() => page.dispose());
  });

  it('is gone for good when it is closed, so that the next one can be shown', async () => {
    const page = new Sheet('jp-envguard-sheet');
    await act(async () => {
      Widget.attach(page, document.body);
      await page.renderPromise;
    });
    expect(document.querySelector('#jp-envguard-sheet[role=region]')?.textContent).toBe('Hello');
    act(() => page.close());
    expect(page.isDisposed).toBe(true);
    expect(document.querySelector('#jp-envguard-sheet')).toBeNull();
  });
});
