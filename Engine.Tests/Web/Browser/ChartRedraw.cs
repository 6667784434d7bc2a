namespace Hyperpatch.Engine.Tests.Web.Browser;

/// <summary>Measures, in a page of the dashboard, what a redraw of the exits' chart costs when it shows an hour.</summary>
internal static class ChartRedraw
{
    /// <summary>
    /// A function for the page. Gives the milliseconds of twenty redraws (the points chosen, the option set, the canvas painted), each with
    /// two seconds more of data, and last the number of points drawn.
    /// </summary>
    public const string Measure = """
        async () => {
          const [{ MachineModel }, { ChartView }, { loadCharts }] = await Promise.all(['model', 'chart', 'echarts'].map(name => import(`/js/machine/${name}.js`)));
          const echarts = await loadCharts();
          const card = document.createElement('div');
          card.className = 'hp-card';
          card.style.width = '900px';
          card.innerHTML = '<button data-hp-live hidden></button><div class="hp-chart" data-hp-zoom data-hp-range="3600000"></div>';
          document.body.prepend(card);
          const model = new MachineModel();
          const names = ['PortIo', 'Mmio', 'Hypercall', 'InvalidOpcode', 'MsrRead', 'MsrWrite'];
          const end = Date.now();
          const push = at => model.history.push(at, Object.fromEntries(names.map((name, index) => [name, 1000 * (index + 1) + 500 * Math.sin(at / 40_000 + index) + Math.random() * 200])));
          for (let at = end - 3_600_000; at <= end; at += 500) push(at);
          model.reasons = names.map(reason => ({ reason }));
          model.frame = { at: end };
          const view = new ChartView(card.lastElementChild);
          while (!echarts.getInstanceByDom(card.querySelector('.hp-plot'))) await new Promise(resolve => setTimeout(resolve, 20));
          const times = [];
          const chart = echarts.getInstanceByDom(card.querySelector('.hp-plot'));
          const draw = view.draw.bind(view);
          view.draw = model => {
            const before = performance.now();
            draw(model);
            chart.getZr().flush();
            times.push(performance.now() - before);
          };
          view.draw(model);
          for (let i = 1; i <= 24; i++) {
            for (let at = model.frame.at + 500; at <= end + i * 2000; at += 500) push(at);
            model.frame = { at: end + i * 2000 };
            card.lastElementChild.dispatchEvent(new KeyboardEvent('keydown', { key: '0' }));
            while (times.length <= i) await new Promise(resolve => setTimeout(resolve, 20));
          }
          times.splice(0, 5);
          times.push(view.pointCount);
          view.dispose();
          card.remove();
          return times;
        }
        """;
}
