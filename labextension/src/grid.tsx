import { caretDownIcon, caretUpIcon } from '@jupyterlab/ui-components';
import { defaultRangeExtractor, useVirtualizer, type Range } from '@tanstack/react-virtual';
import * as React from 'react';

/** One column of a grid. */
export interface IColumn<T> {
  readonly id: string;
  /** Translated. */
  readonly title: string;
  /** A track of a CSS grid; its width must not depend on what is in the cells. */
  readonly width: string;
  readonly render: (row: T) => React.ReactNode;
  /** Order of two rows; without it the column cannot be sorted by. */
  readonly compare?: (a: T, b: T) => number;
  /** Numbers stand at the end of their cell. */
  readonly numeric?: boolean;
}

/** By which column the rows are sorted. */
export interface IOrder {
  readonly column: string;
  readonly descending: boolean;
}

export interface IGridProps<T> {
  readonly label: string;
  /** In the order in which they are shown. */
  readonly rows: readonly T[];
  readonly columns: readonly IColumn<T>[];
  readonly keyOf: (row: T) => string;
  readonly order?: IOrder;
  readonly onOrder?: (order: IOrder) => void;
  /** The row whose details are shown, by its key. */
  readonly opened?: string | null;
  /** Show the details of a row; `jump` if the person wants to go there. */
  readonly onOpen?: (row: T, jump: boolean) => void;
  /** What Ctrl+C copies. */
  readonly onCopy?: (row: T) => void;
  /** `/` and Escape leave the grid. */
  readonly onSearch?: () => void;
  readonly onEscape?: () => void;
}

/** Where the keyboard is; row -1 is the row of headings. */
interface IPlace {
  readonly row: number;
  readonly column: number;
}

/** As tall as two lines and a bit of the text of the user interface, whatever its size. */
const LINES = 2.15;
const SMALLEST_ROW_PX = 24;
const OVERSCAN = 8;

/**
 * A table of any length: only the rows that are in sight are in the document.
 *
 * It is one stop for the Tab key; arrows, Page Up and Down, Home and End move within.
 */
export function Grid<T>(props: IGridProps<T>): JSX.Element {
  const { label, rows, columns, keyOf, opened = null, order } = props;
  const scroller = React.useRef<HTMLDivElement>(null);
  const id = React.useId();
  const height = useRowHeight(scroller);
  const [moved, setPlace] = React.useState<IPlace>({ row: 0, column: 0 });
  const place = clamped(moved, rows.length, columns.length);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    getItemKey: index => keyOf(rows[index] as T),
    overscan: OVERSCAN,
    useFlushSync: false,
    scrollMargin: height,
    scrollPaddingStart: height,
    // Whoever listens rather than looks must find the row they are in, however far the others scroll.
    rangeExtractor: range => withRow(range, place.row)
  });
  React.useEffect(() => virtual.measure(), [virtual, height]);
  const go = (next: IPlace) => {
    const to = clamped(next, rows.length, columns.length);
    setPlace(to);
    if (to.row >= 0) {
      virtual.scrollToIndex(to.row);
    }
  };
  const page = Math.max(1, Math.floor((virtual.scrollRect?.height ?? 0) / height) - 2);
  const cellId = (row: number, column: number) => `${id}-${row}-${column}`;
  const tracks = columns.map(column => column.width).join(' ');
  const open = React.useRef<(index: number) => void>(() => undefined);
  open.current = index => {
    setPlace({ row: index, column: place.column });
    props.onOpen?.(rows[index] as T, false);
  };
  const openRow = React.useCallback((index: number) => open.current(index), []);
  return (
    <div
      ref={scroller}
      className="jp-EnvGuard-grid"
      role="grid"
      tabIndex={0}
      aria-label={label}
      aria-rowcount={rows.length + 1}
      aria-colcount={columns.length}
      aria-activedescendant={cellId(place.row, place.column)}
      style={{ '--jp-envguard-tracks': tracks, '--jp-envguard-row': `${height}px` } as React.CSSProperties}
      onKeyDown={event => onKey(event, { props, place, page, go })}
    >
      <div role="rowgroup" className="jp-EnvGuard-gridHead">
        <div role="row" aria-rowindex={1} className="jp-EnvGuard-gridRow">
          {columns.map((column, index) => (
            <Heading
              key={column.id}
              id={cellId(-1, index)}
              column={column}
              {...(order && { order })}
              active={place.row === -1 && place.column === index}
              onClick={() => turn(props, column)}
            />
          ))}
        </div>
      </div>
      <div role="rowgroup" className="jp-EnvGuard-gridBody" style={{ height: rows.length * height }}>
        {virtual.getVirtualItems().map(({ index, start }) => (
          <MemoRow
            key={keyOf(rows[index] as T)}
            id={id}
            row={rows[index]}
            index={index}
            top={start - height}
            columns={columns as readonly IColumn<unknown>[]}
            active={index === place.row ? place.column : -1}
            opened={opened !== null && keyOf(rows[index] as T) === opened}
            onClick={openRow}
          />
        ))}
      </div>
    </div>
  );
}

interface IHeadingProps<T> {
  readonly id: string;
  readonly column: IColumn<T>;
  readonly order?: IOrder;
  readonly active: boolean;
  readonly onClick: () => void;
}

function Heading<T>({ id, column, order, active, onClick }: IHeadingProps<T>): JSX.Element {
  const sorted = order?.column === column.id;
  const Caret = (order?.descending ? caretDownIcon : caretUpIcon).react;
  const direction = sorted ? (order.descending ? 'descending' : 'ascending') : 'none';
  return (
    <div
      id={id}
      role="columnheader"
      className="jp-EnvGuard-cell"
      data-column={column.id}
      data-active={active || undefined}
      data-numeric={column.numeric || undefined}
      data-sortable={column.compare !== undefined || undefined}
      {...(column.compare && { 'aria-sort': direction })}
      onClick={onClick}
    >
      <span className="jp-EnvGuard-cellText">{column.title}</span>
      {sorted && <Caret tag="span" className="jp-EnvGuard-caret" aria-hidden />}
    </div>
  );
}

interface IRowProps {
  readonly id: string;
  readonly row: unknown;
  readonly index: number;
  readonly top: number;
  readonly columns: readonly IColumn<unknown>[];
  readonly active: number;
  readonly opened: boolean;
  readonly onClick: (index: number) => void;
}

const MemoRow = React.memo(function Row(props: IRowProps): JSX.Element {
  const { id, row, index, top, columns, active, opened, onClick } = props;
  return (
    <div
      role="row"
      className="jp-EnvGuard-gridRow"
      aria-rowindex={index + 2}
      aria-selected={opened}
      style={{ transform: `translateY(${top}px)` }}
      onClick={() => !hasSelection() && onClick(index)}
    >
      {columns.map((column, position) => (
        <div
          key={column.id}
          id={`${id}-${index}-${position}`}
          role={position === 0 ? 'rowheader' : 'gridcell'}
          className="jp-EnvGuard-cell"
          data-column={column.id}
          data-active={active === position || undefined}
          data-numeric={column.numeric || undefined}
        >
          {column.render(row)}
        </div>
      ))}
    </div>
  );
});

interface IKeyContext<T> {
  readonly props: IGridProps<T>;
  readonly place: IPlace;
  readonly page: number;
  readonly go: (place: IPlace) => void;
}

function onKey<T>(event: React.KeyboardEvent, context: IKeyContext<T>): void {
  const { props, place, page, go } = context;
  const command = (event.ctrlKey || event.metaKey) && !event.altKey;
  const goal = goalOf(event.key, command, place, page, props.rows.length, isRightToLeft(event.currentTarget));
  if (goal) {
    go(goal);
  } else if (!act(event, command, props, place)) {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}

/** Where a key leads; `null` if it does not move. */
function goalOf(
  key: string,
  command: boolean,
  { row, column }: IPlace,
  page: number,
  rows: number,
  mirrored: boolean
): IPlace | null {
  const aside = mirrored ? -1 : 1;
  switch (key) {
    case 'ArrowDown':
      return { row: row + 1, column };
    case 'ArrowUp':
      return { row: row - 1, column };
    case 'ArrowRight':
      return { row, column: column + aside };
    case 'ArrowLeft':
      return { row, column: column - aside };
    case 'PageDown':
      return { row: Math.max(row, 0) + page, column };
    case 'PageUp':
      return { row: Math.max(row - page, 0), column };
    case 'Home':
      return { row: 0, column: command ? 0 : column };
    case 'End':
      return { row: rows - 1, column };
    default:
      return null;
  }
}

/** Do what a key says; false if it says nothing here. */
function act<T>(event: React.KeyboardEvent, command: boolean, props: IGridProps<T>, place: IPlace): boolean {
  const row = props.rows[place.row];
  const column = props.columns[place.column];
  if (command) {
    if (event.key !== 'c' || row === undefined || !props.onCopy || hasSelection()) {
      return false;
    }
    props.onCopy(row);
    return true;
  }
  switch (event.key) {
    case 'Enter':
    case ' ':
      if (place.row < 0 && column) {
        turn(props, column);
      } else if (row !== undefined) {
        props.onOpen?.(row, true);
      }
      return true;
    case '/':
      props.onSearch?.();
      return props.onSearch !== undefined;
    case 'Escape':
      props.onEscape?.();
      return props.onEscape !== undefined;
    default:
      return false;
  }
}

function turn<T>({ order, onOrder }: IGridProps<T>, column: IColumn<T>): void {
  if (column.compare) {
    onOrder?.({ column: column.id, descending: order?.column === column.id && !order.descending });
  }
}

function clamped({ row, column }: IPlace, rows: number, columns: number): IPlace {
  return {
    row: Math.max(-1, Math.min(row, rows - 1)),
    column: Math.max(0, Math.min(column, columns - 1))
  };
}

function withRow(range: Range, row: number): number[] {
  const seen = defaultRangeExtractor(range);
  return row < 0 || row >= range.count || seen.includes(row) ? seen : [...seen, row].sort((a, b) => a - b);
}

/** Whoever selects text with the mouse wants that text, not what a click would do. */
function hasSelection(): boolean {
  return (window.getSelection()?.toString() ?? '') !== '';
}

function isRightToLeft(element: Element): boolean {
  return getComputedStyle(element).direction === 'rtl';
}

function useRowHeight(scroller: React.RefObject<HTMLElement>): number {
  const [height, setHeight] = React.useState(28);
  React.useLayoutEffect(() => {
    const size = scroller.current ? parseFloat(getComputedStyle(scroller.current).fontSize) : NaN;
    if (size > 0) {
      setHeight(Math.max(SMALLEST_ROW_PX, Math.round(size * LINES)));
    }
  }, [scroller]);
  return height;
}
