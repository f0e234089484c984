import { Widget } from '@lumino/widgets';
import { act, fireEvent, render, screen, within } from '@testing-library/react';
import * as React from 'react';

import type { ISpec } from '../src/api';
import { Refusal } from '../src/wire';
import { EnvironmentsModel } from '../src/model';
import { SpecPage, SpecView } from '../src/spec';
import { stumbles } from './axe';
import { FakeApi, catalog, digest, environment, spec, unavailable, words } from './server';

describe('SpecView', () => {
  let api: FakeApi;
  let model: EnvironmentsModel;

  beforeEach(() => {
    api = new FakeApi();
    model = new EnvironmentsModel(api);
  });

  afterEach(() => {
    model.dispose();
  });

  const view = (name = 'datasci', release = '2026.11') => (
    <SpecView name={name} release={release} environments={model} words={words} />
  );

  it('says that it is reading while the catalog is not known', () => {
    render(view());
    expect(screen.getByRole('status', { name: 'Reading the catalog…' })).toBeTruthy();
  });

  it('shows who approved the release, when and why, and every package', async () => {
    await model.refresh();
    const { container } = render(view());
    await screen.findByRole('table');
    expect(screen.getByRole('heading', { name: 'Data Science 2026.11' })).toBeTruthy();
    expect(container.textContent).toContain('Approved by ada on Nov 2, 2026. Reviewed.');
    expect(screen.getAllByRole('row')).toHaveLength(4);
    expect(await stumbles(container)).toEqual([]);
  });

  it('copies a digest in full', async () => {
    const writeText = jest.fn().mockResolvedValue(undefined);
    Object.assign(navigator, { clipboard: { writeText } });
    await model.refresh();
    render(view());
    await screen.findByRole('table');
    await act(async () => {
      fireEvent.click(screen.getByRole('button', { name: 'Copy the digest of the spec' }));
      await Promise.resolve();
    });
    expect(writeText).toHaveBeenCalledWith(digest('b'));
    expect(screen.getByText('Copied')).toBeTruthy();
  });

  it('shows a refusal and asks again when told to', async () => {
    await model.refresh();
    api.answers.spec = new Refusal('image-missing', 'datasci@2026.11 is not on this node.', 'Wait.');
    render(view());
    const alert = await screen.findByRole('alert');
    expect(alert.textContent).toContain('datasci@2026.11 is not on this node.');
    api.answers.spec = spec();
    fireEvent.click(within(alert).getByRole('button', { name: 'Try again' }));
    await screen.findByRole('table');
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it('gives the reasons when the release is not for this user', async () => {
    api.answers.catalog = catalog({ unavailable: [unavailable()] });
    await model.refresh();
    const { container } = render(view('legacy', '2024.01'));
    expect(container.textContent).toContain('legacy@2024.01 is not available to you.');
    expect(container.textContent).toContain('legacy@2024.01 was revoked. Use datasci.');
    expect(await stumbles(container)).toEqual([]);
  });

  it('shows the refusal of the catalog when there is none', async () => {
    api.answers.catalog = new Refusal('catalog-expired', 'The catalog has expired.', '');
    await model.refresh();
    render(view());
    expect(screen.getByRole('alert').textContent).toContain('The catalog has expired.');
    fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
    expect(screen.queryByRole('table')).toBeNull();
  });

  it('says that a mixed release is deprecated, until when, and what follows', async () => {
    api.answers.catalog = catalog({
      environments: [
        environment({
          state: 'deprecated',
          expires: '2027-01-31T12:00:00Z',
          successor: 'datasci@2027.02',
          approval: null
        })
      ]
    });
    api.answers.spec = spec({ mixed: true });
    await model.refresh();
    const { container } = render(view());
    await screen.findByRole('table');
    for (const text of [
      'Deprecated',
      'Until Jan 31, 2027',
      'Use datasci@2027.02',
      'conda and pip packages'
    ]) {
      expect(container.textContent).toContain(text);
    }
  });

  it('ignores an answer that comes after the page has moved on', async () => {
    await model.refresh();
    let late: (spec: ISpec) => void = () => undefined;
    jest.spyOn(api, 'spec').mockReturnValueOnce(new Promise(resolve => (late = resolve)));
    const { rerender } = render(view());
    api.answers.catalog = catalog({
      environments: [environment({ digests: { ...environment().digests, spec: digest('e') } })]
    });
    api.answers.spec = spec({ packages: [] });
    await model.refresh();
    rerender(view());
    await screen.findByText('This environment holds no packages.');
    await act(async () => {
      late(spec());
      await Promise.resolve();
    });
    expect(screen.getByText('This environment holds no packages.')).toBeTruthy();
  });
});

describe('SpecPage', () => {
  it('is a tab named after the environment, as soon as that is known', async () => {
    const model = new EnvironmentsModel(new FakeApi());
    const page = new SpecPage({ name: 'datasci', release: '2026.11', environments: model, words });
    expect(page.title.label).toBe('datasci 2026.11');
    act(() => Widget.attach(page, document.body));
    await act(() => model.refresh());
    expect(page.title.label).toBe('Data Science 2026.11');
    await screen.findByRole('table');
    expect(screen.getByRole('region', { name: 'Packages of datasci@2026.11' })).toBe(page.node);
    act(() => page.dispose());
    model.dispose();
  });
});
