import { Draft } from '../src/draft';
import type { IAsk } from '../src/requests';

const ASK: IAsk = {
  kind: 'package',
  subject: 'xgboost',
  environment: 'datasci',
  channel: '',
  reason: 'Because',
  neededBy: '',
  notebooks: ['a.ipynb']
};

describe('Draft', () => {
  afterEach(() => sessionStorage.clear());

  it('is there after a reload, until it is forgotten', () => {
    new Draft('/user/ada/').keep(ASK);
    expect(new Draft('/user/ada/').read()).toEqual(ASK);
    new Draft('/user/ada/').forget();
    expect(new Draft('/user/ada/').read()).toBeNull();
  });

  it('is nobody else’s', () => {
    new Draft('/user/ada/').keep(ASK);
    expect(new Draft('/user/bob/').read()).toBeNull();
  });

  it.each([
    '{',
    '7',
    'null',
    '[]',
    '{"kind": "package"}',
    JSON.stringify({ ...ASK, kind: 'wish' }),
    JSON.stringify({ ...ASK, subject: 7 }),
    JSON.stringify({ ...ASK, notebooks: 'a.ipynb' }),
    JSON.stringify({ ...ASK, notebooks: [7] })
  ])('is not made of %s', text => {
    sessionStorage.setItem('jupyter-envguard:request:/user/ada/', text);
    expect(new Draft('/user/ada/').read()).toBeNull();
  });

  it('does without a storage', () => {
    const refuse = () => {
      throw new DOMException('no', 'SecurityError');
    };
    const draft = new Draft('', refuse);
    draft.keep(ASK);
    draft.forget();
    expect(draft.read()).toBeNull();
  });

  it('hides no mistake of ours', () => {
    const draft = new Draft('', () => {
      throw new TypeError('odd');
    });
    expect(() => draft.keep(ASK)).toThrow('odd');
  });
});
