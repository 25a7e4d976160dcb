/** A figure's last minutes as a line the size of a word. The words beside it say the figure. */

export function Spark({ values, top }: { values: number[]; top: number }) {
  const ceiling = Math.max(top, ...values, 1e-9)
  const step = 60 / Math.max(1, values.length - 1)
  const points = values.map((value, index) => `${(index * step).toFixed(1)},${(15 - (value / ceiling) * 14).toFixed(1)}`)
  return (
    <svg className="spark" viewBox="0 0 60 16" width="60" height="16" preserveAspectRatio="none" aria-hidden="true">
      {points.length > 2 && <polyline points={points.join(' ')} />}
    </svg>
  )
}
