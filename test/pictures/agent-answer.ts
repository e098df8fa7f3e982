/** What a model might answer to the evidence of the demo shop: every figure is a reference. The wire of the pictures plays it. */
const high = { confidence: 'high' };
const product = (id: string) => ({ targetType: 'product', targetId: id });

export const MODEL_ANSWER = {
  headline: 'The linen duvet cover has sold out, and the home-page code is eating its margin',
  summary:
    'Revenue was {{sales.revenue}}, {{sales.change.revenue}} on the week before, carried by the wool throw. The duvet cover alone took {{product.9001.share}} of it and cannot be bought any more.',
  findings: [
    {
      text: 'Linen Duvet Cover has no stock left; it sold {{product.9001.sold_per_day}} a day and {{product.9001.revenue}} in the week, so next week will show the gap.',
      ...high,
      ...product('9001'),
    },
    {
      text: 'Wool Throw sold {{product.9004.units}} after {{product.9004.previous_units}}, without a larger discount than the rest of the shop.',
      confidence: 'medium',
      ...product('9004'),
    },
    {
      text: 'Of Glass Carafe {{product.9007.refunded_units}} pieces came back, {{product.9007.refund_rate}} of its sales; the facts do not say why.',
      ...high,
      ...product('9007'),
    },
  ],
  recommendations: [
    {
      action: 'restock',
      targetId: '9001',
      title: 'Restock the linen duvet cover',
      why: 'None is left and it sold {{product.9001.sold_per_day}} a day; each week without it costs about what it sold in this one.',
      impact: 'Sold {{product.9001.revenue}} last week',
      confidence: 'high',
      repeatReason: null,
    },
    {
      action: 'check_quality',
      targetId: '9007',
      title: 'Find out why the glass carafe comes back',
      why: '{{product.9007.refunded_units}} pieces came back. Read the reasons given before the next order is placed.',
      impact: null,
      confidence: 'medium',
      repeatReason: null,
    },
    {
      action: 'feature',
      targetId: '9004',
      title: 'Put the wool throw on the front page',
      why: 'It sold {{product.9004.units}} after {{product.9004.previous_units}} with nothing done for it, and there are {{product.9004.stock}} in stock.',
      impact: null,
      confidence: 'medium',
      repeatReason: null,
    },
  ],
};
