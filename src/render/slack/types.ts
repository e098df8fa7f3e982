/** Blocks that @slack/types 3.2 does not have yet; shapes as in docs.slack.dev, "Data visualization block". */
import type { KnownBlock } from '@slack/types';

export interface DataPoint {
  label: string;
  value: number;
}

interface XyChart {
  type: 'line' | 'bar' | 'area';
  /** One point for each category, with its label, in their order. */
  series: { name: string; data: DataPoint[] }[];
  axis_config: { categories: string[]; x_label?: string; y_label?: string };
}

interface PieChart {
  type: 'pie';
  segments: DataPoint[];
}

/** A chart that Slack draws. It has no field for what it shows in words: that stands in a block beside it. */
export interface DataVisualizationBlock {
  type: 'data_visualization';
  title: string;
  chart: XyChart | PieChart;
  block_id?: string;
}

export type SlackBlock = KnownBlock | DataVisualizationBlock;
